"""Load a config and its checkpoint, trained or fused, as nets to export."""
import copy
from functools import partial
from typing import Any, Callable, NamedTuple, Optional, Sequence, Type

from mmengine.config import Config
from torch import Tensor, nn

from ..checkpoints.weights import read_weights
from ..deploy.verify import example_input, worst_difference
from ..errors import UserError
from ..fusing.examples import image_channels
from ..fusing.net import fuse
from ..hosts import build_model, load_config
from ..nets.walk import branch_by_branch, rep_layers
from ..structures.matching import load_in_eval
from .host_outputs import host_function
from .onnx_check import TOLERANCE, compare_tensors
from .onnx_check_boxes import Comparison
from .onnx_check_labels import compare_labels
from .onnx_export import Compare
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


def exportable(nets: Nets,
               part: str,
               kind: Type[Part] = Part,
               **options: bool) -> Part:
    """Return a part of the plain net, with sizes that exporters can follow.

    Args:
        nets: The nets.
        part: The name of the part.
        kind: The class of the part. Defaults to ``Part``.
        **options: More arguments of the class, such as ``labels``.
    """
    model = with_torch_upsampling(copy.deepcopy(nets.plain))
    return kind(with_matrix_pools(model), part, **options)


def reference_of(nets: Nets, part: Part) -> Callable[[Tensor], Any]:
    """Return the function that a file is compared with.

    This is what the host's own code makes of the training form, branch by
    branch, or of the plain net if no training form is known; see
    :func:`mmrep.export.host_outputs.host_function`.
    """
    model = nets.plain if nets.rich is None else nets.rich
    function = host_function(part.of(model))

    def run(x: Tensor) -> Any:
        with branch_by_branch(model):
            return function(x)

    return run


def comparison_of(nets: Nets,
                  part: Part,
                  images: Optional[Sequence[Tensor]] = None) -> Compare:
    """Return the function that compares a file with torch.

    Tensors and labels are compared with those of :func:`reference_of`. Boxes
    are compared with those that mmdet predicts with the plain net, whose
    features must be those of the training form.

    Args:
        nets: The nets.
        part: The part that is exported.
        images: Images to compare boxes on, as the part takes them. Defaults
            to None: random ones.

    Raises:
        UserError: The two forms of a detector differ.
    """
    if part.makes_boxes:
        check_forms(nets)
        return Comparison(nets.plain, part, images)
    compare = compare_labels if part.labels else compare_tensors
    return partial(compare, reference_of(nets, part))


def check_forms(nets: Nets) -> None:
    """Refuse a plain net whose features differ from its training form's.

    Raises:
        UserError: They differ.
    """
    if nets.rich is None:
        return
    x = example_input(channels=image_channels(nets.plain))
    worst = worst_difference(nets.rich, nets.plain, x)
    if not worst <= TOLERANCE:
        raise UserError(f'not written: fused and training form differ by '
                        f'{worst:.1e} relative, more than {TOLERANCE:.0e}')
