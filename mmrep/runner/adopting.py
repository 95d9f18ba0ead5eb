"""Give a Runner's models the structure of weights about to be loaded."""
from typing import Dict, Optional

from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

from .. import random_state
from ..checkpoints.pretrained import pretrained
from ..compat.runner_parts import is_resuming, weights_under
from ..structures.from_weights import adopt
from .refreshing import refresh_if_needed
from .training import inner_model, models


def adopt_all(runner: Runner, weights: Dict[str, Tensor]) -> None:
    """Give the model of a Runner and its averages the structure of weights.

    Args:
        runner: The Runner, which trains or tests.
        weights: The weights about to be loaded, or those of the model itself.
    """
    with random_state.seeded():
        for model in models(runner):
            adopt(model, weights, exactly=is_resuming(runner))
    refresh_if_needed(runner)


def adopt_pretrained(runner: Runner) -> None:
    """Give a model the structure of the weights that ``init_cfg`` loads.

    mmengine allows no new parameters while it initialises.
    """
    with random_state.seeded():
        for module, init in pretrained(inner_model(runner)):
            adopt(module, _pretrained(**init))
    refresh_if_needed(runner)


def _pretrained(checkpoint: str,
                prefix: Optional[str] = None,
                map_location: str = 'cpu',
                type: str = '') -> Dict[str, Tensor]:
    """Return the weights that mmengine's PretrainedInit would load."""
    if prefix is not None:
        return weights_under(prefix, checkpoint, map_location)
    loaded = CheckpointLoader.load_checkpoint(checkpoint, map_location)
    return loaded.get('state_dict', loaded)
