"""Compare random layers, after each of several steps, with formulas by hand.

tests/fuzzing draws the layers and has the formulas, which use nothing of the
package. The script exits with 1 if any step of any case fails. ``--seed S
--only I`` repeats one case.
"""
import argparse
import random
import sys
import time
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / 'tests'))
from fuzzing.run import STEPS, run_case  # noqa: E402

CHUNK = 20  # number of cases that a process takes at once
SHOWN = 30  # largest number of failures that are printed


def parse_args(argv):
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument(
        '--cases',
        type=int,
        default=10000,
        help='number of cases; default: 10000')
    parser.add_argument(
        '--seed', type=int, help='seed of the cases; default: a random one')
    parser.add_argument(
        '--processes',
        type=int,
        default=2,
        help='number of processes; default: 2')
    parser.add_argument(
        '--device', help="device, such as 'cuda'; default: the CPU")
    parser.add_argument(
        '--only', type=int, help='number of the one case to run; default: all')
    return parser.parse_args(argv)


def set_up():
    """Set up a process."""
    warnings.filterwarnings('ignore', 'Using padding=.same')
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False  # its ten bits would hide faults


def run_on(device, seed, index):
    """Run a case with its tensors on a device, if one is given."""
    with torch.device(device) if device else nullcontext():
        return run_case(seed, index)


def results(seed, args):
    """Yield the result of each case, in order."""
    run = partial(run_on, args.device, seed)
    if args.only is not None:
        yield run(args.only)
    elif args.processes == 1:
        yield from map(run, range(args.cases))
    else:
        # a forked process cannot use the GPU
        context = get_context('spawn' if args.device else 'fork')
        with ProcessPoolExecutor(args.processes, context, set_up) as pool:
            yield from pool.map(run, range(args.cases), chunksize=CHUNK)


def table(title, ran, failed, names):
    """Return a table with a row for each of the names."""
    made = Table(title, 'steps', 'failed')
    for name in names:
        style = 'bold red' if failed[name] else None
        made.add_row(name, str(ran[name]), str(failed[name]), style=style)
    return made


def tables(outcomes):
    """Yield tables of the steps that ran and failed, by layer and by step."""
    failures = [each for each in outcomes if each.fault]
    for title, names in (('layer', None), ('step', STEPS)):
        ran = Counter(getattr(each, title) for each in outcomes)
        failed = Counter(getattr(each, title) for each in failures)
        yield table(title, ran, failed, names or sorted(ran))


def tell(console, seed, result):
    """Print the failures of a case and the arguments that repeat it."""
    for each in result.failed:
        console.print(f'{each.layer}, {each.step}: {each.fault}', markup=False)
    console.print(
        f'    --seed {seed} --only {result.index}: {result.case}',
        markup=False,
        soft_wrap=True)


def main(argv=None):
    """Run the cases and print the results; return 1 if a case failed."""
    args, console, start = parse_args(argv), Console(), time.monotonic()
    set_up()
    seed = random.randrange(10**6) if args.seed is None else args.seed
    console.print(f'seed {seed}')
    total = args.cases if args.only is None else 1
    found = list(track(results(seed, args), 'cases', total, console=console))
    failed = [result for result in found if result.failed]
    for result in failed[:SHOWN]:
        tell(console, seed, result)
    if len(failed) > SHOWN:
        console.print(f'... and {len(failed) - SHOWN} cases more')
    outcomes = [each for result in found for each in result.outcomes]
    console.print(*tables(outcomes))
    console.print(f'seed {seed}: {len(failed)} of {len(found)} cases failed, '
                  f'{len(outcomes)} steps, {time.monotonic() - start:.0f} s')
    return int(bool(failed))


if __name__ == '__main__':
    sys.exit(main())
