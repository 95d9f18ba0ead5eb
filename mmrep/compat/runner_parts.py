"""Methods of mmengine's Runner and BaseModel that are not public.

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
    """Return True if a Runner goes on from a checkpoint, or is going to."""
    return runner._resume


def compile_again(runner: Runner) -> None:
    """Compile the training step of a changed model anew, if it was compiled.

    The compiled step is an attribute of the model itself, which hides the
    method of its class.
    """
    vars(runner.model).pop('train_step', None)
    runner._maybe_compile('train_step')


def run_forward(model: BaseModel, data: Any, mode: str) -> Any:
    """Call a model with data as its preprocessor gives it.

    Args:
        model: The model, not wrapped.
        data: A dict of arguments, or a sequence of them.
        mode: The mode: 'loss', 'predict' or 'tensor'.
    """
    return model._run_forward(data, mode=mode)


def weights_under(prefix: str, path: str, device: str) -> Dict[str, Tensor]:
    """Return a file's weights under a prefix, as PretrainedInit loads them.

    Args:
        prefix: The prefix, which is cut off the names with the dot behind it.
        path: The path of the file, or its URL.
        device: The device that the weights are loaded onto.
    """
    return checkpoint._load_checkpoint_with_prefix(prefix, path, device)
