"""Compare the training steps of configs, side by side, on random images.

A step is that of the config: forward, backward and optimizer, with all that
the config freezes. The steps of the configs run in turn. The table has the
median step, its parts and the peak of its memory. Ratios refer to the first
config. "Not explained" is the percentage of the peak by which the model
differs from the first one beyond its parameters, buffers, gradients and
optimizer state.

The cost of a net with DyRepHook depends on the branches it has grown. It is
measured half-way through its training and at the end, each after as many
events as the training has had by then. These events run before anything is
timed.

--inference measures the forward pass in eval mode, without gradients. Rich
nets run branch by branch, in eval mode, with kept kernels and fused.

--host measures the time that the host needs to start all operations, which a
fast GPU waits for: training steps of the backbones alone, with few channels,
small images and one thread. "Launched" counts the operations of a step that
would launch a kernel on a GPU; one on a list of tensors (foreach, fused)
counts once. The optimizer's are those of a GPU, its time is that of this
device.
"""
import argparse
import os.path as osp
from functools import partial

import torch
from mmengine.device import get_device
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from mmrep.atomic import check_destination, write_json, write_together
from mmrep.cli import UserError, report_errors
from mmrep.cli.numbers import add_image_arguments, check_at_least_one
from mmrep.measure.columns import cells_of, title_of
from mmrep.measure.comparison import (all_forms, compare_inference,
                                      compare_training, training_steps)
from mmrep.measure.host import compare_host, host_steps
from mmrep.measure.kernels import WAYS
from mmrep.pictures.costs import draw_costs
from mmrep.pictures.files import check_picture, writer

console = Console(width=160)
# what --size, --batch-size and --rounds are by default, the last two for
# norms that see more than a pixel and for times of milliseconds
USUAL = dict(size=(800, 1333), batch_size=1, rounds=5)
OF_HOST = dict(size=(32, 32), batch_size=2, rounds=30)


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'configs',
        nargs='+',
        help="config files; a host's own one as mmdet::NAME.py")
    add_image_arguments(parser)
    parser.add_argument(
        '--rounds',
        type=int,
        help='number of timed steps of each config; default: 5')
    parser.add_argument(
        '--inference',
        action='store_true',
        help='compare forward passes in eval mode in place of training steps')
    parser.add_argument(
        '--backbone',
        action='store_true',
        help='measure training steps of the backbones alone')
    parser.add_argument(
        '--host',
        action='store_true',
        help="measure the host's time of tiny backbones; it changes the "
        'defaults to --size 32 32 --batch-size 2 --rounds 30')
    parser.add_argument(
        '--kernels',
        nargs='+',
        choices=list(WAYS),
        default=[],
        help='ways to make the kernels of nets with blocks, each in a row: '
        'one by one, in batches, in compiled batches or CUDA graphs; default: '
        "as the net does it by itself, on a GPU mmrep's backbones in batches")
    parser.add_argument(
        '--amp',
        choices=['bfloat16', 'float16'],
        help='dtype of automatic mixed precision, on a GPU; default: that of '
        'the config')
    parser.add_argument('--out', help='JSON file to write')
    parser.add_argument('--picture', help='picture to draw, *.png or *.svg')
    parser.set_defaults(size=None, batch_size=None)
    args = parser.parse_args(argv)
    for name, value in (OF_HOST if args.host else USUAL).items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    return args


def check(args):
    """Refuse arguments that cannot be measured or written."""
    check_at_least_one(
        size=min(args.size), batch_size=args.batch_size, rounds=args.rounds)
    if args.inference and args.backbone:
        raise UserError('--backbone is of training steps: leave out '
                        '--inference')
    if args.inference and args.host:
        raise UserError('--host measures training steps: leave out '
                        '--inference')
    for name in ('kernels', 'amp'):
        if args.inference and getattr(args, name):
            raise UserError(f'--{name} is of training steps: leave out '
                            '--inference')
    if args.amp and (args.host or get_device() == 'cpu'):
        raise UserError(f'--amp (={args.amp!r}) needs a GPU, and no --host: '
                        'leave it out')
    outs = dict(out=args.out, picture=args.picture)
    for name, path in outs.items():
        if path is not None:
            check_destination(path, args.configs, f'--{name}', 'measured')
    if args.picture is None:
        return
    check_picture(args.picture, '--picture')
    if args.out and osp.realpath(args.out) == osp.realpath(args.picture):
        raise UserError(f'--out and --picture (={args.picture!r}) must be two '
                        'files')


def tell(bar, task, path, done=0, count=None):
    """Show the config that is prepared, and how far it has evolved."""
    what = 'preparing' if count is None else 'growing'
    name = osp.splitext(osp.basename(path))[0]
    bar.update(task, description=f'{what} {name}', completed=done, total=count)


def measure(args):
    """Measure all configs and return what they cost as plain data."""
    prepare, compare = all_forms, compare_inference
    if args.host:
        prepare, compare = partial(
            host_steps, kernels=args.kernels), compare_host
    elif not args.inference:
        prepare, compare = partial(
            training_steps,
            backbone=args.backbone,
            kernels=args.kernels,
            amp=args.amp), compare_training
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task('preparing', total=None)
        prepared = prepare(
            args.configs,
            args.size,
            args.batch_size,
            progress=partial(tell, bar, task))
        bar.update(
            task,
            description='steps',
            completed=0,
            total=len(prepared) * (args.rounds + 2))
        rows = compare(prepared, args.rounds, partial(bar.advance, task))
    return dict(
        inference=args.inference,
        backbone=args.backbone or args.host,
        host=args.host,
        kernels=args.kernels,
        amp=args.amp,
        size=list(args.size),
        batch_size=args.batch_size,
        rounds=args.rounds,
        device=get_device(),
        threads=1 if args.host else torch.get_num_threads(),
        torch=torch.__version__,
        rows=rows)


def table_of(found):
    """Return the comparison as a table."""
    table = Table(title=title_of(found))
    cells = [cells_of(row) for row in found['rows']]
    for column in cells[0]:
        table.add_column(column, no_wrap=column != 'config')
    for row in cells:
        table.add_row(*row.values())
    return table


def writers_of(found, args):
    """Return a function for each file to write, by its path."""
    writers = {}
    if args.out is not None:
        writers[args.out] = partial(write_json, found)
    if args.picture is not None:
        figure = draw_costs(title_of(found), found['rows'])
        writers[args.picture] = writer(figure, args.picture)
    return writers


@report_errors
def main(argv=None):
    """Measure all configs, print the table, write numbers and picture."""
    args = parse_args(argv)
    check(args)
    found = measure(args)
    console.print(table_of(found))
    write_together(writers_of(found, args))


if __name__ == '__main__':
    main()
