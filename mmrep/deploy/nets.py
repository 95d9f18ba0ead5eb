"""Load a config and its checkpoint, trained or fused, as nets to export."""
import copy
from typing import Callable, NamedTuple, Optional

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


class Nets(NamedTuple):
    """A net, plain, and where it is known as it trains.

    Attributes:
        cfg: The config that it was given with.
        plain: Of plain convolutions only.
        rich: The training form, None where there is none.
    """

    cfg: Config
    plain: nn.Module
    rich: Optional[nn.Module]


def load_nets(config: str,
              checkpoint: str,
              training_config: Optional[str] = None,
              ema: Optional[bool] = None,
              trusted: bool = False) -> Nets:
    """Load what tools/fuse.py wrote, or fuse a training form in memory.

    Args:
        config: Path of the config, of either.
        checkpoint: Path of its checkpoint.
        training_config: Path of the config that a fused net was trained with.
        ema: Which weights to take, see ``choose_weights``.
        trusted: Whether pickled objects may run their code.

    Raises:
        UserError: A file is missing, they do not fit each other, or
            ``training_config`` is given of a net that is not fused.
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
    # what was fused loads into the training form, which takes plain weights
    rich = load_in_eval(build_model(other), weights) if other else None
    return Nets(cfg, model, rich)


def exportable(nets: Nets, part: str) -> Part:
    """A part of the plain net, with pools that an ONNX graph can have."""
    return Part(with_matrix_pools(copy.deepcopy(nets.plain)), part)


def reference_of(nets: Nets, part: str) -> Callable[[Tensor], tuple]:
    """What a file is compared with: the training form, branch by branch.

    The plain net where no training form is known.
    """
    if nets.rich is None:
        return Part(nets.plain, part)
    rich = Part(nets.rich, part)

    def run(x: Tensor) -> tuple:
        with branch_by_branch(rich):
            return rich(x)

    return run
