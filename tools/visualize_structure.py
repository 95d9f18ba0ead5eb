"""Draw the blocks of a net, their branches and the weight of each branch.

For a checkpoint of a DyRepHook run, the picture also shows how the blocks grew
and were cut.
"""
import argparse
import importlib
import os.path as osp
import sys

from mmengine.logging import print_log

from mmrep.atomic import check_destination, write_together
from mmrep.checkpoints import read_checkpoint
from mmrep.cli import (UserError, add_checkpoint_arguments, build_model,
                       choose_weights, load_config, one_line, report_errors)
from mmrep.cli.working import working
from mmrep.pictures.files import check_picture, writer
from mmrep.pictures.history import blocks_in, history_of
from mmrep.pictures.structure import draw_structure
from mmrep.pictures.weights import KERNEL, read_convs

CONFIGS = ('.py', '.json', '.yaml', '.yml')


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'src',
        metavar='CONFIG|CHECKPOINT',
        help='config, drawn as its training begins, or checkpoint')
    parser.add_argument('out', help='picture to write, *.png or *.svg')
    parser.add_argument(
        '--import',
        dest='imports',
        metavar='MODULE',
        action='append',
        default=[],
        help='module of your own blocks and branches; may be repeated')
    add_checkpoint_arguments(parser)
    return parser.parse_args(argv)


def read_source(args):
    """Read a checkpoint, or build the model of a config in its place."""
    if '::' in args.src or args.src.lower().endswith(CONFIGS):
        if args.ema is not None:
            raise UserError('a config holds no weights: leave out '
                            f"--{'ema' if args.ema else 'no-ema'}")
        model = build_model(load_config(args.src))
        return dict(state_dict=model.state_dict())
    return read_checkpoint(args.src, args.trust_checkpoint)


def import_all(names):
    """Import modules that register blocks and branches."""
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever a module raises
            raise UserError(f'cannot import {name!r}: {one_line(error)}'
                            ) from error  # yapf: disable


def check_history(convs, history):
    """Refuse blocks of the past that no module imported here knows."""
    known = tuple(f'{conv.name}.' for conv in convs)
    for name in blocks_in(history):
        if not f'{name}.'.startswith(known):
            raise UserError(
                f'the history has the block {name!r}, whose branches no '
                'imported module registers: name the module that does so with '
                '--import')


def summary(convs, history):
    """Return the numbers of blocks, branches and events as a text."""
    rich = [conv for conv in convs if conv.blocks]
    blocks = [block for conv in rich for block in conv.blocks]
    branches = [b for block in blocks for b in block.weights if b != KERNEL]
    out = (f'{len(rich)} of {len(convs)} convolutions are rich: {len(blocks)} '
           f'blocks with {len(branches)} branches beside their kxk')
    if history:
        cuts = sum(len(cut['branches']) for r in history for cut in r['cut'])
        out += f'; {len(history)} events, {cuts} branches cut'
    return out


@report_errors
def main(argv=None):
    """Draw the picture and log what it shows."""
    args = parse_args(argv)
    check_picture(args.out, 'OUT')
    check_destination(args.out, [args.src], 'OUT', 'drawn')
    import_all(args.imports)
    checkpoint = read_source(args)
    convs = read_convs(choose_weights(checkpoint, args.ema))
    history = history_of(checkpoint, args.src)
    if not blocks_in(history) and not any(conv.blocks for conv in convs):
        raise UserError(
            f'nothing to draw: none of the {len(convs)} convolutions of '
            f'{args.src!r} has branches; those that DyRepHook grows are in '
            'the checkpoints of its run')
    check_history(convs, history)
    told = summary(convs, history)
    end = (checkpoint.get('meta') or {}).get('iter') or 0
    with working('drawing'):
        figure = draw_structure(
            osp.basename(args.src), told, convs, history, end)
        write_together({args.out: writer(figure, args.out)})
    print_log(f'{told}: wrote {args.out}', 'current')


if __name__ == '__main__':
    main(sys.argv[1:])
