"""What a checkpoint keeps of a network that evolves."""
from typing import Any

import torch

from .. import random_state
from ..errors import UserError, one_line

KINDS = dict(
    seed=int, history=list, scores=dict, due=bool, gradients=dict, random=dict)
RECORD = ('step', 'cut', 'grown', 'branches', 'importances')


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
