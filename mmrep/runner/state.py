"""The state of an evolution that a checkpoint keeps."""
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
    """Return the state that a resumed training continues from, as plain data.

    Args:
        course: The course of the evolution. It drops its batches, since a run
            resumed from this state does not have them either.
        training: The training of the model.
        numbers: State of the random numbers that the training continues with.
            Defaults to the current one.
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
    """Continue from the state that a checkpoint has kept.

    Args:
        course: The course of the evolution, which has begun.
        training: The training of the model.
        state: The result of :func:`state_of`.

    Returns:
        State of the random numbers to continue with. None if there are
        several processes, since the file has the state of the first only.
    """
    course.evolution.seed = state['seed']
    course.evolution.history = state['history']
    course.scores.load_state_dict(state['scores'])
    course.due = state['due']
    course.stopped = state.get('stopped')  # absent in earlier versions
    if get_world_size() > 1:
        return None
    accumulate(training, state['gradients'])
    return state['random']


def check_state(state: Any) -> None:
    """Refuse a damaged ``dyrep`` of a checkpoint.

    Args:
        state: The value of ``dyrep``.

    Raises:
        UserError: A part is missing or has another type or shape.
    """
    try:
        _try(state)
    except Exception as error:  # odd values may raise anything
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
