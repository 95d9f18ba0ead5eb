"""Run drawn cases and report failures, with the way to repeat them.

A case is one layer: all checks run on it, then several mutations on a fresh
one, with a forward pass before and after each.
"""
from random import Random
from typing import Callable, Iterable, List, NamedTuple
from unittest.mock import patch

from mmrep.layers import recomputed

from .cases import Case, draw_case
from .checks import CHECKS
from .copies import COPIES
from .keeping import KEEPING
from .pieces import PIECES
from .subject import Subject, Wrong
from .writes import WRITES

MUTATIONS = {**WRITES, **PIECES, **COPIES, **KEEPING}
STEPS = {**CHECKS, **MUTATIONS}
IN_A_ROW = 4


class Outcome(NamedTuple):
    """The outcome of one step of a case; ``fault`` is '' if it passed."""

    layer: str
    step: str
    fault: str


class Result(NamedTuple):
    """The outcomes of a case."""

    index: int
    case: Case
    outcomes: List[Outcome]

    @property
    def failed(self) -> List[Outcome]:
        return [each for each in self.outcomes if each.fault]


def run_case(seed: int, index: int) -> Result:
    """Run a case; the seed and the index alone determine it."""
    case = draw_case(Random(f'{seed}:{index}'))
    return Result(index, case, list(steps(case, f'{seed}:{index}')))


def steps(case: Case, seed: str) -> Iterable[Outcome]:
    """Yield the outcome of each step; a fault gives the next a new layer."""
    rng = Random(f'{seed}:steps')
    chosen = rng.sample(list(MUTATIONS), IN_A_ROW)
    for names, run in ((CHECKS, check), (chosen, mutate)):
        subject = Subject(case, rng)
        for name in names:
            fault = attempt(lambda: run(subject, name))
            yield Outcome(case.name, name, fault)
            if fault:
                subject = Subject(case, rng)


def check(subject: Subject, name: str) -> None:
    # half of the cases take their features for large ones
    small = recomputed.SMALL * (subject.case.seed % 2)
    with patch.object(recomputed, 'SMALL', small):
        CHECKS[name](subject)
    subject.layer.eval()


def mutate(subject: Subject, name: str) -> None:
    subject.check()
    MUTATIONS[name](subject)
    subject.check()


def attempt(step: Callable) -> str:
    """Return why a step failed, '' if it passed: errors are faults, too."""
    try:
        step()
    except Wrong as wrong:
        return str(wrong)
    except Exception as error:
        return f'{type(error).__name__}: {error}'.split('\n')[0]
    return ''
