"""The past of a network that evolved, read off the records of its events."""
from numbers import Real
from operator import itemgetter
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Set, Tuple

from ..errors import UserError

KEYS = {'step', 'grown', 'branches', 'cut', 'importances', 'parameters',
        'flops'}  # yapf: disable

Alive = Set[Tuple[str, str]]  # names of blocks, each with a branch
Points = List[Tuple[float, float]]


class Life(NamedTuple):
    """The span in which a block had a branch, in iterations."""

    block: str
    branch: str
    start: float
    stop: float


def history_of(checkpoint: dict, path: str) -> List[dict]:
    """The records of a checkpoint's events; none if DyRepHook wrote none.

    Args:
        checkpoint: The contents of the checkpoint.
        path: The name of the checkpoint, for the message.

    Raises:
        UserError: The checkpoint holds something else in their place.
    """
    state = checkpoint.get('dyrep')
    history = state.get('history') if isinstance(state, dict) else []
    if not isinstance(history, list) or not all(map(_is_record, history)):
        raise UserError(f"the history in {path!r} is none of this DyRepHook: "
                        f"each event must have {', '.join(sorted(KEYS))}")
    return history


def _is_record(record: Any) -> bool:
    """Return True if a record has an event's keys, each with its kind."""
    try:
        cuts = [
            number for cut in record['cut']
            for number in (*cut['importances'], *map(len, cut['branches']))
        ]
        numbers = [
            record['step'], *cuts, *record['parameters'], *record['flops'],
            *(number for block in record['importances'].values()
              for number in block.values())
        ]
        names = [record['grown'], *map(itemgetter('name'), record['cut'])]
        list(record['branches'])
    except Exception:  # whatever a damaged record makes of it
        return False
    return all(isinstance(n, Real) for n in numbers) and all(
        isinstance(name, (str, type(None))) for name in names)


def blocks_in(history: Sequence[dict]) -> List[str]:
    """Names of all blocks that ever existed, each once."""
    return list(dict.fromkeys(block for block, _ in _ever(history)))


def branches_in(history: Sequence[dict]) -> List[str]:
    """Names of all branches that ever existed, each once."""
    return list(dict.fromkeys(branch for _, branch in _ever(history)))


def _ever(history: Sequence[dict]) -> List[Tuple[str, str]]:
    return sorted(set().union(*_states(history))) if history else []


def lives(history: Sequence[dict], end: float) -> Iterator[Life]:
    """The spans in which each branch existed.

    Args:
        history: The records.
        end: End of the branches that still exist, in iterations.
    """
    times = [0, *(record['step'] for record in history)]
    since = {}
    for time, alive in zip(times, _states(history)):
        for key in sorted(since.keys() - alive):
            yield Life(*key, since.pop(key), time)
        for key in sorted(alive):  # sets have another order in each process
            since.setdefault(key, time)
    for key, start in since.items():
        yield Life(*key, start, end)


def _states(history: Sequence[dict]) -> List[Alive]:
    """The branches before the first event and after each event."""
    after = [_alive(record['importances']) for record in history]
    first = history[0]
    grown = {(first['grown'], branch) for branch in first['branches']}
    return [(after[0] - grown) | set(cuts_of(first)), *after]


def _alive(importances: Dict[str, Dict[str, float]]) -> Alive:
    return {(block, branch)
            for block, branches in importances.items()
            for branch in branches}


def cuts_of(record: dict) -> Dict[Tuple[str, str], float]:
    """The importances of the branches that an event cut.

    Their keys are the names of block and branch.
    """
    return {
        (cut['name'], branch): value
        for cut in record['cut']
        for branch, value in zip(cut['branches'], cut['importances'])
    }


def importances_of(history: Sequence[dict],
                   branch: str) -> Iterator[Tuple[Points, Points]]:
    """A branch's importance over the iterations, for each block in turn.

    Returns:
        The importances after events, and those at which it was cut.
    """
    for block in blocks_in(history):
        points, cuts = [], []
        for record in history:
            step, cut = record['step'], cuts_of(record).get((block, branch))
            now = record['importances'].get(block, {}).get(branch)
            if cut is not None:
                cuts.append((step, cut))
                points += [(step, cut), (step, float('nan'))]
            points.append((step, float('nan') if now is None else now))
        yield points, cuts


def costs(history: Sequence[dict], end: float) -> Dict[str, Points]:
    """Sizes and costs of the network over the iterations, by title."""
    counts = [len(alive) for alive in _states(history)]
    pairs = {
        'parameters (millions)':
        [[n / 1e6 for n in record['parameters']] for record in history],
        'multiply-adds of an image (G), training form':
        [[n / 1e9 for n in record['flops']] for record in history],
        'branches beside the kxk':
        list(zip(counts, counts[1:])),
    }
    steps = [record['step'] for record in history]
    return {
        title: _steps(steps, values, end)
        for title, values in pairs.items()
    }


def _steps(steps: Sequence[float], pairs: Sequence[Sequence[float]],
           end: float) -> Points:
    """A line through the values before and after each step."""
    points = [(step, value) for step, pair in zip(steps, pairs)
              for value in pair]
    return [(0, pairs[0][0]), *points, (end, pairs[-1][1])]
