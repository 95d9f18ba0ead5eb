"""Run drawn cases and tell what failed, with what repeats it.

A case is one layer: all checks, then on a fresh one several mutations, with a
forward pass before and after each.
"""
from random import Random
from typing import Callable, Iterable, List, NamedTuple

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
    """What became of one step of a case; no ``fault`` if it passed."""

    layer: str
    step: str
    fault: str


class Result(NamedTuple):
    """What became of a case."""

    index: int
    case: Case
    outcomes: List[Outcome]

    @property
    def failed(self) -> List[Outcome]:
        return [each for each in self.outcomes if each.fault]


def run_case(seed: int, index: int) -> Result:
    """The same for the same seed and index, whatever ran before."""
    case = draw_case(Random(f'{seed}:{index}'))
    return Result(index, case, list(steps(case, f'{seed}:{index}')))


def steps(case: Case, seed: str) -> Iterable[Outcome]:
    """After a fault the next step has a layer made anew."""
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
    CHECKS[name](subject)
    subject.layer.eval()


def mutate(subject: Subject, name: str) -> None:
    subject.check()
    MUTATIONS[name](subject)
    subject.check()


def attempt(step: Callable) -> str:
    """Why it failed, '' if it did not: errors are faults, too."""
    try:
        step()
    except Wrong as wrong:
        return str(wrong)
    except Exception as error:
        return f'{type(error).__name__}: {error}'.split('\n')[0]
    return ''
