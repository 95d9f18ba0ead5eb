"""Compare the training steps of configs, side by side, on random images.

A step is that of the config: forward, backward and optimizer, frozen what it
freezes. The configs' steps run in turn; the table has the medians and, over
the first config, the ratios.
"""
import argparse
import copy
from functools import partial

import torch
from mmengine.device import get_device
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from mmrep.cli import (UserError, build_model, load_config, one_line,
                       report_errors)
from mmrep.cli.synthetic import synthetic_batch
from mmrep.timing import alternate

console = Console(width=110)


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'configs',
        nargs='+',
        help="config files, the host's own as mmdet::NAME.py")
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        default=(800, 1333),
        metavar=('H', 'W'),
        help='of the images; default: 800 1333')
    parser.add_argument('--batch-size', type=int, default=1, help='default: 1')
    parser.add_argument(
        '--rounds', type=int, default=5, help='timed steps each; default: 5')
    return parser.parse_args(argv)


def check_numbers(args):
    """Refuse what cannot be timed."""
    for name, value in (('--size', min(args.size)),
                        ('--batch-size', args.batch_size), ('--rounds',
                                                            args.rounds)):
        if value < 1:
            raise UserError(f'{name} (={value}) must be at least 1')


def prepare_step(path, args):
    """One training step of a config as a call, and its parameters."""
    cfg = load_config(path)
    preprocessor = cfg.model.get('data_preprocessor') or {}
    if preprocessor.get('size'):  # mmseg pads to the size of its crops
        preprocessor.size = tuple(args.size)
    model = revert_sync_batchnorm(build_model(cfg)).to(get_device()).train()
    wrapper = copy.deepcopy(cfg.optim_wrapper)
    wrapper.optimizer.lr = 0.0  # random images would let the weights explode
    optim_wrapper = build_optim_wrapper(model, wrapper)
    batch = synthetic_batch(cfg.default_scope, tuple(args.size),
                            args.batch_size)

    def step():
        try:
            model.train_step(copy.deepcopy(batch), optim_wrapper)
        except Exception as error:  # whatever a model raises
            raise UserError(f'config {path!r} takes no training step on '
                            f'random images: {one_line(error)}') from error
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    return step, sum(p.numel() for p in model.parameters())


@report_errors
def main(argv=None):
    """Time all configs and print the table."""
    args = parse_args(argv)
    check_numbers(args)
    prepared = [prepare_step(path, args) for path in args.configs]
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task('steps', total=len(prepared) * (args.rounds + 1))
        seconds = alternate([step for step, _ in prepared], args.rounds,
                            partial(bar.advance, task))
    height, width = args.size
    table = Table(title=f'training step, {args.batch_size} x {height} x '
                  f'{width}, {get_device()}, {torch.get_num_threads()} '
                  f'threads, PyTorch {torch.__version__}')
    for column in ('config', 'parameters', 'step', 'ratio'):
        table.add_column(column, no_wrap=True)
    for path, (_, parameters), step in zip(args.configs, prepared, seconds):
        table.add_row(path, f'{parameters / 1e6:.1f} M', f'{step:.3f} s',
                      f'{step / seconds[0]:.2f}')
    console.print(table)


if __name__ == '__main__':
    main()
