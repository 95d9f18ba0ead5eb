"""Compare the cost of a plain run, of DBB and of DyRep, on random images.

All three begin with the config's model, freshly initialised. DBB has all
branches of the config's DyRepHook (or of its defaults) from the start, in
every convolution that could grow. DyRep has as many events as in the config's
training, each at the same part of the run. The three take the training steps
of the config in turn. The learning rate is next to nothing: DyRep grows where
the scores of random weights are highest and cuts nothing, so a training costs
at most as much.
"""
import argparse
import statistics
from functools import partial

import torch
from mmengine.device import get_device
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from mmrep import DyRepHook
from mmrep.atomic import check_destination, write_json, write_together
from mmrep.cli import load_config, report_errors
from mmrep.cli.dyrep import due_steps, hook_of
from mmrep.cli.numbers import add_image_arguments, check_at_least_one
from mmrep.measure.cost import compare
from mmrep.measure.training_step import TrainingStep, training_model

console = Console(width=110)


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'config', help="config file; a host's own one as mmdet::NAME.py")
    parser.add_argument(
        '--steps',
        type=int,
        default=50,
        help='number of steps of each; default: 50')
    add_image_arguments(parser)
    parser.add_argument(
        '--out', help='JSON file to write, with the numbers of each event')
    return parser.parse_args(argv)


def measure(args):
    """Train all three and return their costs as plain data."""
    cfg = load_config(args.config)
    model = training_model(cfg, args.size)
    hook = hook_of(cfg) or DyRepHook()
    hook.check(model, cfg)
    due = due_steps(hook.schedule, cfg.train_cfg, args.steps)
    prepare = partial(
        TrainingStep, cfg, size=args.size, batch_size=args.batch_size)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task('steps', total=3 * args.steps)
        runs, events = compare(prepare, model, hook, due, args.steps,
                               partial(bar.advance, task))
    methods = {name: run.summary() for name, run in runs.items()}
    for method in methods.values():
        method['ratio'] = method['seconds'] / methods['plain']['seconds']
    spent = sum(record['seconds'] for record in events.records)
    return dict(
        config=args.config,
        steps=args.steps,
        size=list(args.size),
        batch_size=args.batch_size,
        device=get_device(),
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        methods=methods,
        events=events.records,
        events_share=spent / (spent + sum(runs['DyRep'].seconds)))


def table_of(found):
    """Return the comparison as a table."""
    height, width = found['size']
    table = Table(
        title=f"{found['config']}: {found['steps']} steps of "
        f"{found['batch_size']} x {height} x {width}, {found['device']}, "
        f"{found['threads']} threads, PyTorch {found['torch']}",
        caption=events_line(found))
    for column in ('method', 'parameters', 'multiply-adds', 'step', 'ratio',
                   'peak memory'):
        table.add_column(column, no_wrap=True)
    for name, cost in found['methods'].items():
        table.add_row(name, f"{cost['parameters'] / 1e6:.2f} M",
                      f"{cost['multiply_adds'] / 1e9:.3f} G",
                      f"{cost['seconds']:.3f} s", f"{cost['ratio']:.2f}",
                      f"{cost['memory'] / 2**20:.1f} MiB")
    return table


def events_line(found):
    """Return a line on the time of DyRep's events, which no step includes."""
    median = statistics.median(event['seconds'] for event in found['events'])
    steps = median / found['methods']['DyRep']['seconds']
    return (f"DyRep's {len(found['events'])} events, beside its steps: "
            f'{median:.3f} s each, as {steps:.1f} steps; '
            f"{found['events_share']:.0%} of this run's time")


@report_errors
def main(argv=None):
    """Train all three side by side, print the table, write the numbers."""
    args = parse_args(argv)
    numbers = dict(vars(args), size=min(args.size))
    check_at_least_one(
        **{k: numbers[k]
           for k in ('steps', 'size', 'batch_size')})
    if args.out is not None:
        check_destination(args.out, [args.config], '--out', 'measured')
    found = measure(args)
    console.print(table_of(found))
    if args.out is not None:
        write_together({args.out: partial(write_json, found)})


if __name__ == '__main__':
    main()
