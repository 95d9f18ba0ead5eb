"""Letting mmengine's loading prepare the model for the weights."""
import functools
from typing import Callable, Dict, List

import mmengine.runner.checkpoint as mmengine_checkpoint
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import Tensor, nn

from ..errors import UserError

Prepare = Callable[[nn.Module, Dict[str, Tensor]], List[str]]


def enrich_on_load(enrich: Prepare) -> None:
    """Let mmengine's loading make a model what weights are of.

    All hosts load through its one function, ``init_detector``, inferencers,
    ``Runner`` and ``init_cfg`` alike, which has no place for a hook.

    Args:
        enrich: Changes a model, without its wrappers, for weights by name,
            and returns the names of what it has changed.
    """
    load = mmengine_checkpoint.load_state_dict
    if hasattr(load, 'enriches'):
        return

    @functools.wraps(load)
    def load_state_dict(module, state_dict, *args, **kwargs):
        model = module
        while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
            model = model.module
        found = enrich(model, state_dict)
        # mmengine allows no new parameters while it initialises
        if found and hasattr(model, '_params_init_info'):
            raise UserError(
                f'the checkpoint of `init_cfg` has branches for {found[0]!r} '
                f'of this {type(model).__name__}: build it with '
                "type='Restructured' and this checkpoint as its `structure`, "
                'or train it with DyRepHook')
        return load(module, state_dict, *args, **kwargs)

    load_state_dict.enriches = True
    mmengine_checkpoint.load_state_dict = load_state_dict
