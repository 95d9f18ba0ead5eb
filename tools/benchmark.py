"""Compare the training steps of configs, side by side, on random images.

A step is that of the config: forward, backward and optimizer, frozen what it
freezes. The configs' steps run in turn; the table has the medians and, over
the first config, the ratios.
"""
import argparse
from functools import partial

import torch
from mmengine.device import get_device
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from mmrep.cli import load_config, report_errors
from mmrep.cli.training_step import (TrainingStep, add_image_arguments,
                                     check_at_least_one, training_model)
from mmrep.timing import alternate

console = Console(width=110)


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'configs',
        nargs='+',
        help="config files, the host's own as mmdet::NAME.py")
    add_image_arguments(parser)
    parser.add_argument(
        '--rounds', type=int, default=5, help='timed steps each; default: 5')
    return parser.parse_args(argv)


def prepare_step(path, args):
    """One training step of a config as a call, and its parameters."""
    cfg = load_config(path)
    model = training_model(cfg, args.size)
    step = TrainingStep(cfg, model, args.size, args.batch_size)
    return step, sum(p.numel() for p in model.parameters())


@report_errors
def main(argv=None):
    """Time all configs and print the table."""
    args = parse_args(argv)
    check_at_least_one(
        size=min(args.size), batch_size=args.batch_size, rounds=args.rounds)
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
