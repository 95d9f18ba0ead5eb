"""Draw how alike the branches of each block are, as OREPA's paper does.

A heat map of each block shows the cosine between the kernels of any two
branches. The map above shows the mean of the absolute cosines over all blocks.
Low values mean diverse branches.
"""
import argparse
import math
import os.path as osp
import statistics
import sys
from functools import partial

from mmengine.logging import print_log
from rich.console import Console
from rich.progress import track

from mmrep.atomic import check_destination, write_together
from mmrep.checkpoints import read_checkpoint
from mmrep.cli import (UserError, add_checkpoint_arguments, build_model,
                       check_checkpoint_matches, choose_weights, load_config,
                       report_errors)
from mmrep.cli.working import working
from mmrep.pictures.files import check_picture, writer
from mmrep.pictures.maps import draw_likenesses
from mmrep.pictures.similarity import likenesses


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of the net in training form')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('out', help='picture to write, *.png or *.svg')
    parser.add_argument(
        '--beside',
        nargs=2,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='config and checkpoint of a second net to draw with the first')
    parser.add_argument(
        '--include',
        nargs='+',
        default=['*'],
        metavar='NAME',
        help='names of the blocks to draw, or of modules around them; '
        '* stands for any characters; default: *')
    add_checkpoint_arguments(parser)
    return parser.parse_args(argv)


def pairs_of(args):
    """Return the config and the checkpoint of each net."""
    beside = [] if args.beside is None else [args.beside]
    return [(args.config, args.checkpoint), *beside]


def check(args):
    """Refuse a picture that cannot be written."""
    check_picture(args.out, 'OUT')
    inputs = [path for pair in pairs_of(args) for path in pair]
    check_destination(args.out, inputs, 'OUT', 'drawn')


def blocks_of(config, path, args):
    """Return the likenesses of a net's branches, block by block."""
    with working(f'reading {osp.basename(path)}'):
        checkpoint = read_checkpoint(path, args.trust_checkpoint)
        model = build_model(load_config(config))
        check_checkpoint_matches(model, choose_weights(checkpoint, args.ema))
        fused = 'mmrep_fused' in (checkpoint.get('meta') or {})
    progress = partial(
        track,
        description=osp.basename(path),
        console=Console(stderr=True),
        transient=True)
    found = likenesses(model.eval(), args.include, progress)
    if not found:
        chosen = '' if args.include == ['*'] else (
            f" that --include (={' '.join(args.include)!r}) names")
        raise UserError(f'nothing to draw: {path!r} has no block{chosen} with '
                        'two branches or more')
    if fused or math.isnan(mean(found)):
        raise UserError(f'nothing to draw: all branches of {path!r} are gone '
                        'or silent, as in a fused or plain net: give the '
                        'checkpoint of a training')
    return found


def measure(args):
    """Return the blocks of each net, by its name."""
    nets = {}
    for config, path in pairs_of(args):
        name = osp.splitext(osp.basename(config))[0]
        if name in nets:
            name = f'{name}, {osp.basename(path)}'
        nets[name] = blocks_of(config, path, args)
    return nets


def mean(blocks):
    """Return the mean of the blocks' means, without those of zeros."""
    known = [block.mean for block in blocks if not math.isnan(block.mean)]
    return statistics.mean(known) if known else math.nan


@report_errors
def main(argv=None):
    """Measure and draw the nets, then log the means."""
    args = parse_args(argv)
    check(args)
    nets = measure(args)
    with working('drawing'):
        figure = draw_likenesses('Similarity of branches', nets)
        write_together({args.out: writer(figure, args.out)})
    told = '; '.join(
        f'{name}: {len(blocks)} blocks, mean |cosine| {mean(blocks):.3f}'
        for name, blocks in nets.items())
    print_log(f'{told}: wrote {args.out}', 'current')


if __name__ == '__main__':
    main(sys.argv[1:])
