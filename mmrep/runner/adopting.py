"""The structure of weights that a Runner is about to load."""
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
    """Give all that a Runner keeps the structure of weights.

    Args:
        runner: That trains or tests.
        weights: That are about to be loaded, or of the model itself.
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
    """The weights that mmengine's PretrainedInit would load."""
    if prefix is not None:
        return weights_under(prefix, checkpoint, map_location)
    loaded = CheckpointLoader.load_checkpoint(checkpoint, map_location)
    return loaded.get('state_dict', loaded)
