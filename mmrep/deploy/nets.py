"""Load a config and its checkpoint, trained or fused, as nets to export."""
import copy
from typing import Callable, NamedTuple, Optional, Type

from mmengine.config import Config
from torch import Tensor, nn

from ..checkpoints.weights import read_weights
from ..errors import UserError
from ..fusing.net import fuse
from ..hosts import build_model, load_config
from ..nets.walk import branch_by_branch, rep_layers
from ..structures.matching import load_in_eval
from .onnx_parts import Part
from .onnx_pool import with_matrix_pools
from .upsampling import with_torch_upsampling


class Nets(NamedTuple):
    """A plain net and, if it is known, its training form.

    Attributes:
        cfg: The config that was given.
        plain: The net with plain convolutions only.
        rich: The training form, None if it is not known.
    """

    cfg: Config
    plain: nn.Module
    rich: Optional[nn.Module]


def load_nets(config: str,
              checkpoint: str,
              training_config: Optional[str] = None,
              ema: Optional[bool] = None,
              trusted: bool = False) -> Nets:
    """Load a fused net, or load a training form and fuse it in memory.

    Args:
        config: The path of the config, fused or of the training form.
        checkpoint: The path of its checkpoint.
        training_config: The path of the config that a fused net was trained
            with. Defaults to None: the training form is not known.
        ema: True takes the averaged weights of a file written with EMAHook,
            False the raw ones. Defaults to None: those under ``state_dict``.
        trusted: True if pickled objects may run their code. Defaults to
            False.

    Raises:
        UserError: A file is missing, the files do not fit each other, or
            ``training_config`` is given for a net that is not fused.
    """
    cfg = load_config(config)
    other = load_config(training_config) if training_config else None
    weights = read_weights(checkpoint, ema, trusted).state_dict
    model = load_in_eval(build_model(cfg), weights)
    if any(rep_layers(model)):
        if training_config:
            raise UserError(
                f'--training-config (={training_config!r}) is for a fused net '
                f'and {config!r} is of a training form: leave it out')
        return Nets(cfg, fuse(model), model)
    # a training form loads the weights of its fused net, too
    rich = load_in_eval(build_model(other), weights) if other else None
    return Nets(cfg, model, rich)


def exportable(nets: Nets, part: str, kind: Type[Part] = Part) -> Part:
    """Return a part of the plain net, with sizes that exporters can follow.

    Args:
        nets: The nets.
        part: The name of the part.
        kind: The class of the part. Defaults to ``Part``.
    """
    model = with_torch_upsampling(copy.deepcopy(nets.plain))
    return kind(with_matrix_pools(model), part)


def reference_of(nets: Nets, part: str) -> Callable[[Tensor], tuple]:
    """Return the function that an ONNX file is compared with.

    This is the training form, branch by branch, or the plain net if no
    training form is known.
    """
    if nets.rich is None:
        return Part(nets.plain, part)
    rich = Part(nets.rich, part)

    def run(x: Tensor) -> tuple:
        with branch_by_branch(rich):
            return rich(x)

    return run
