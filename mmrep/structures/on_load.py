"""Let mmengine prepare a model for the weights that it loads."""
import functools
from typing import Callable, Dict, List

import mmengine.runner.checkpoint as mmengine_checkpoint
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import Tensor, nn

from ..errors import UserError

Prepare = Callable[[nn.Module, Dict[str, Tensor]], List[str]]


def enrich_on_load(enrich: Prepare) -> None:
    """Let mmengine call a function before it loads weights into a model.

    All hosts load through its one function, ``init_detector``, inferencers,
    ``Runner`` and ``init_cfg`` alike, which has no place for a hook.

    Args:
        enrich: Takes the model, without its wrappers, and the weights by
            name; returns the names of the layers that it has changed.
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
