"""What a checkpoint keeps of a network that evolves."""
import copy
from typing import Any, Optional

import torch
from mmengine.dist import get_world_size

from .. import random_state
from ..errors import UserError, one_line
from .course import Course
from .gradients import accumulate, accumulated
from .training import Training

KINDS = dict(
    seed=int, history=list, scores=dict, due=bool, gradients=dict, random=dict)
RECORD = ('step', 'cut', 'grown', 'branches', 'importances')


def state_of(course: Course,
             training: Training,
             numbers: Optional[dict] = None) -> dict:
    """Keep what a training goes on from, as plain data.

    Args:
        course: Forgets its batches: a run resumed from here has not seen them
            either.
        training: Of its model.
        numbers: The random numbers that the training goes on with. Defaults
            to those of now.
    """
    state = dict(
        seed=course.evolution.seed,
        history=copy.deepcopy(course.evolution.history),
        scores=course.scores.state_dict(),
        due=course.due,
        stopped=course.stopped,
        gradients=accumulated(training),
        random=numbers or random_state.save())
    course.batches.clear()
    return state


def go_on(course: Course, training: Training, state: dict) -> Optional[dict]:
    """Go on from what a checkpoint has kept.

    Args:
        course: That has begun.
        training: Of its model.
        state: From :func:`state_of`.

    Returns:
        The random numbers to go on with. None in one of several processes:
        the file has those of the first.
    """
    course.evolution.seed = state['seed']
    course.evolution.history = state['history']
    course.scores.load_state_dict(state['scores'])
    course.due = state['due']
    course.stopped = state.get('stopped')  # none of earlier versions
    if get_world_size() > 1:
        return None
    accumulate(training, state['gradients'])
    return state['random']


def check_state(state: Any) -> None:
    """Refuse a ``dyrep`` of a checkpoint from which nothing can go on.

    Raises:
        UserError: Something is missing or of another kind.
    """
    try:
        _try(state)
    except Exception as error:  # whatever becomes of odd values
        raise UserError(
            'the checkpoint has a damaged `dyrep`, the state of DyRepHook '
            f'({type(error).__name__}: {one_line(error)}): resume from '
            'another one, or start from its weights with `load_from`'
        ) from error


def _try(state: Any) -> None:
    if not isinstance(state, dict):
        raise TypeError(f'it is a {type(state).__name__}')
    for name, kind in KINDS.items():
        if not isinstance(state[name], kind):
            raise TypeError(f'{name!r} is a {type(state[name]).__name__}')
    if not isinstance(state.get('stopped'), (str, type(None))):
        raise TypeError("'stopped' says nothing")
    for record in state['history']:
        [record[name] for name in RECORD]
    scores = state['scores']
    for sums in (scores['steps'], *scores['sums'].values()):
        if sums.shape not in ((), (len(scores['names']), )):
            raise ValueError(f'scores of shape {tuple(sums.shape)}')
    if not all(map(torch.is_tensor, state['gradients'].values())):
        raise TypeError("'gradients' are no tensors")
    with random_state.seeded():
        random_state.restore(state['random'])
