"""What mmengine's Runner and BaseModel do in methods that are not public.

Uses: ``Runner._resume``, ``Runner._maybe_compile``, the name of
``Runner._init_model_weights``, ``BaseModel._run_forward`` and
``_load_checkpoint_with_prefix`` of ``mmengine.runner.checkpoint``. Nothing
public does the same up to mmengine 0.10.
"""
from typing import Any, Dict

from mmengine.model import BaseModel
from mmengine.runner import Runner, checkpoint
from torch import Tensor

# the method in which a Runner loads what `init_cfg` names
INIT_WEIGHTS = '_init_model_weights'


def is_resuming(runner: Runner) -> bool:
    """Whether a Runner goes on from a checkpoint, or is to."""
    return runner._resume


def compile_again(runner: Runner) -> None:
    """Compile the training step of a Runner's changed model, if it is to.

    The compiled step stands in the model's own attributes, in front of the
    method of its class.
    """
    vars(runner.model).pop('train_step', None)
    runner._maybe_compile('train_step')


def run_forward(model: BaseModel, data: Any, mode: str) -> Any:
    """Call a model with data as its preprocessor gives it.

    Args:
        model: Not wrapped.
        data: A dict of arguments, or a sequence of them.
        mode: 'loss', 'predict' or 'tensor'.
    """
    return model._run_forward(data, mode=mode)


def weights_under(prefix: str, path: str, device: str) -> Dict[str, Tensor]:
    """The weights of a file under a prefix, as PretrainedInit loads them.

    Args:
        prefix: Cut off from their names, with the dot.
        path: Of the file, or its address.
        device: Where they are loaded.
    """
    return checkpoint._load_checkpoint_with_prefix(prefix, path, device)
