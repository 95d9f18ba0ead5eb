"""Hold random layers, and what is done to them, against formulas by hand.

tests/fuzzing draws the layers and has the formulas, which use nothing of the
package. Ends with 1 if any step of any case failed; ``--seed S --only I``
repeats one case.
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

CHUNK = 20  # cases that a process takes at once
SHOWN = 30  # failures, at most


def parse_args(argv):
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--cases', type=int, default=10000, help='how many')
    parser.add_argument('--seed', type=int, help='a random one by default')
    parser.add_argument('--processes', type=int, default=2, help='at once')
    parser.add_argument('--device', help="'cuda'; the CPU by default")
    parser.add_argument('--only', type=int, help='one case, by its number')
    return parser.parse_args(argv)


def set_up():
    """What holds in each process."""
    warnings.filterwarnings('ignore', 'Using padding=.same')
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False  # ten bits would hide faults


def run_on(device, seed, index):
    """A case whose tensors are on a device, if one is given."""
    with torch.device(device) if device else nullcontext():
        return run_case(seed, index)


def results(seed, args):
    """Yield what became of each case, in order."""
    run = partial(run_on, args.device, seed)
    if args.only is not None:
        yield run(args.only)
    elif args.processes == 1:
        yield from map(run, range(args.cases))
    else:
        # a process that is forked has no GPU
        context = get_context('spawn' if args.device else 'fork')
        with ProcessPoolExecutor(args.processes, context, set_up) as pool:
            yield from pool.map(run, range(args.cases), chunksize=CHUNK)


def table(title, ran, failed, names):
    """A row for each of the names."""
    made = Table(title, 'steps', 'failed')
    for name in names:
        style = 'bold red' if failed[name] else None
        made.add_row(name, str(ran[name]), str(failed[name]), style=style)
    return made


def tables(outcomes):
    """What ran and what failed, by layer and by step."""
    failures = [each for each in outcomes if each.fault]
    for title, names in (('layer', None), ('step', STEPS)):
        ran = Counter(getattr(each, title) for each in outcomes)
        failed = Counter(getattr(each, title) for each in failures)
        yield table(title, ran, failed, names or sorted(ran))


def tell(console, seed, result):
    """The failures of a case, with what repeats it."""
    for each in result.failed:
        console.print(f'{each.layer}, {each.step}: {each.fault}', markup=False)
    console.print(
        f'    --seed {seed} --only {result.index}: {result.case}',
        markup=False,
        soft_wrap=True)


def main(argv=None):
    """Run and tell; 1 if something failed."""
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
