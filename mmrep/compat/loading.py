"""Preparation of a model before mmengine loads weights into it.

Changes: ``mmengine.runner.checkpoint.load_state_dict``, through which
``init_detector``, inferencers, ``Runner`` and ``init_cfg`` load. It has no
hook up to mmengine 0.10. Uses: ``_params_init_info``, which marks a model
while mmengine initialises it. No public name tells the same.
"""
import functools
from typing import Any, Callable, Dict, List

import mmengine.runner.checkpoint as mmengine_checkpoint
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import Tensor, nn

from ..errors import UserError
from .patching import Undo, put

Prepare = Callable[[nn.Module, Dict[str, Tensor]], List[str]]


def prepare_loading(prepare: Prepare) -> Undo:
    """Make mmengine prepare a model for the weights that it loads.

    Args:
        prepare: The function to call with the unwrapped model and the state
            dict. It returns the names of the layers that have new parameters.

    Returns:
        A function that undoes the change.
    """
    load = mmengine_checkpoint.load_state_dict

    @functools.wraps(load)
    def load_state_dict(module: nn.Module, state_dict: Dict[str, Tensor],
                        *args, **kwargs) -> Any:
        model = module
        while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
            model = model.module
        _check_initialising(model, prepare(model, state_dict))
        return load(module, state_dict, *args, **kwargs)

    return put(mmengine_checkpoint, 'load_state_dict', load_state_dict)


def is_initialising(model: nn.Module) -> bool:
    """Return True while mmengine initialises a model.

    The model may not get new parameters meanwhile.
    """
    return hasattr(model, '_params_init_info')


def _check_initialising(model: nn.Module, found: List[str]) -> None:
    if found and is_initialising(model):
        raise UserError(
            f'the checkpoint of `init_cfg` has branches for {found[0]!r} '
            f'of this {type(model).__name__}: build it with '
            "type='Restructured' and this checkpoint as its `structure`, "
            'or train it with DyRepHook')
