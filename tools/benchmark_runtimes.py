"""Compare the latency of whole nets on a CPU, in torch and in runtimes.

Each config is measured by itself, on one random image: its plain net in
torch, and its fused net in each runtime, exported to ONNX for this size. With
torch among the runtimes the rich net, branch by branch and in eval mode, and
the fused one are measured there, too. --int8 adds each runtime's INT8, from
its own quantisation after training. Segmentors and classifiers run up to
their logits, detectors up to their boxes.

The forms of a config run in turn. The table has medians, and their ratios to
the plain net in torch. Weights and norms are random. The score threshold of a
detector is the score that 50 boxes of the image reach.
"""
import argparse
import os.path as osp
from functools import partial
from importlib.metadata import version

import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from mmrep.atomic import check_destination, write_json, write_together
from mmrep.cli import load_config, report_errors
from mmrep.cli.numbers import check_at_least_one
from mmrep.export.onnx_session import need
from mmrep.inference.runtimes import RUNTIMES
from mmrep.measure.latency import TORCH, compare_latency, latency_forms
from mmrep.measure.runtime_files import packages_for

console = Console(width=120)


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'configs',
        nargs='+',
        help="config files; a host's own one as mmdet::NAME.py")
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        default=(224, 224),
        metavar=('H', 'W'),
        help='height and width of the image in pixels; default: 224 224')
    parser.add_argument(
        '--runtimes',
        nargs='+',
        choices=[TORCH, *RUNTIMES],
        default=[TORCH, *RUNTIMES],
        help='runtimes to compare; default: all')
    parser.add_argument(
        '--int8', action='store_true', help='measure INT8, too')
    parser.add_argument(
        '--rounds',
        type=int,
        default=10,
        help='number of timed runs of each form; default: 10')
    parser.add_argument('--json', help='JSON file to write')
    return parser.parse_args(argv)


def check(args):
    """Refuse arguments that cannot be measured or written."""
    check_at_least_one(size=min(args.size), rounds=args.rounds)
    if args.json is not None:
        check_destination(args.json, args.configs, '--json', 'measured')
    need(packages_of(args))
    for path in args.configs:
        load_config(path)  # before the first one takes minutes


def packages_of(args):
    """Return the names of the packages that the runtimes need."""
    others = [name for name in args.runtimes if name != TORCH]
    return packages_for(others, args.int8)


def measure(args):
    """Measure all configs and return what they cost as plain data."""
    rows = []
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task('', total=None)
        for path in args.configs:
            name = osp.splitext(osp.basename(path))[0]
            bar.update(task, description=f'preparing {name}', total=None)
            forms = latency_forms(path, args.size, args.runtimes, args.int8)
            bar.update(
                task,
                description=name,
                completed=0,
                total=len(forms) * (args.rounds + 1))
            rows += compare_latency(forms, args.rounds,
                                    partial(bar.advance, task))
    return dict(
        size=list(args.size),
        rounds=args.rounds,
        threads=torch.get_num_threads(),
        versions={name: version(name)
                  for name in [TORCH, *packages_of(args)]},
        rows=rows)


def table_of(found):
    """Return the comparison as a table."""
    height, width = found['size']
    versions = ', '.join(map(' '.join, found['versions'].items()))
    table = Table(title=f'latency of 1 x {height} x {width} on the CPU, '
                  f'{found["threads"]} threads, {versions}')
    for column in ('config', 'form', 'runtime', 'precision'):
        table.add_column(column, no_wrap=column != 'config')
    for column in ('boxes', 'time', 'ratio'):
        table.add_column(column, justify='right', no_wrap=True)
    for row in found['rows']:
        boxes = '' if row['boxes'] is None else str(row['boxes'])
        table.add_row(row['config'], row['form'], row['runtime'],
                      row['precision'], boxes,
                      f"{1e3 * row['seconds']:.1f} ms", f"{row['ratio']:.2f}")
    return table


@report_errors
def main(argv=None):
    """Measure all configs, print the table and write the numbers."""
    args = parse_args(argv)
    check(args)
    found = measure(args)
    console.print(table_of(found))
    if args.json is not None:
        write_together({args.json: partial(write_json, found)})


if __name__ == '__main__':
    main()
