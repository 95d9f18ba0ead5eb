"""The whole way of a checkpoint: from a training to files of a plain net."""
import math
import os
from typing import Callable, Iterable, List, NamedTuple, Optional, Union

import numpy as np
from mmengine.config import Config
from torch import Tensor, nn

from ..checkpoints.weights import Weights, read_weights
from ..custom_imports import needs
from ..errors import UserError, shown
from ..fusing.examples import image_channels
from ..fusing.net import fuse
from ..hosts import build_model, load_config
from ..layers.geometry import check_flag
from ..nets.walk import names, rep_layers
from ..prefixes import under
from ..structures.from_weights import enrich
from ..structures.matching import load_in_eval
from ..version import __version__
from .files import check_paths, write_fused
from .plain_config import plain_config
from .verify import example_input, worst_difference

Path = Union[str, os.PathLike]
PLAIN = {'weight', 'bias'}  # of a convolution
TOLERANCE = 1e-4  # relative, of features and dense heads


class Report(NamedTuple):
    """What :func:`deploy` has done.

    Attributes:
        checkpoint: Path of the fused checkpoint.
        config: Path of the config that goes with it.
        layers: How many layers were fused.
        worst_difference: The largest relative difference between the
            training form and the fused net.
        needs: What must be installed beside the host for the config to be
            read: 'no mmrep', 'mmrep', or its ``custom_imports``.
    """

    checkpoint: str
    config: str
    layers: int
    worst_difference: float
    needs: str


def deploy(config: Path,
           checkpoint: Path,
           out: Path,
           *,
           ema: Optional[bool] = None,
           image: Optional[Path] = None,
           trust_checkpoint: bool = False,
           tolerance: float = TOLERANCE,
           progress: Callable[[str], object] = lambda task: None) -> Report:
    """Fuse a trained net to a plain one that stock hosts load.

    The plain net is built from the config that goes with it and compared
    with the training form, branch by branch, before anything is written.

    Args:
        config: Path of the config of the net in training form.
        checkpoint: Path of its trained checkpoint.
        out: Path of the fused checkpoint to write, ``*.pth``; its config is
            written beside it, ``*.py``.
        ema: True takes the averaged weights of a file written with EMAHook,
            False the raw ones. Defaults to None: those under ``state_dict``.
        image: Path of an image to compare on. Defaults to None: a random
            input.
        trust_checkpoint: Whether pickled objects of the checkpoint may run
            their code. Defaults to False.
        tolerance: Largest relative difference of features and dense heads
            that is written. Defaults to 1e-4.
        progress: Called with what is done next, in a few words.

    Raises:
        UserError: A file is missing, cannot be read or written, they do not
            fit each other, there is nothing to fuse, or the two nets differ.
            Nothing is written then.
    """
    _check_options(ema, trust_checkpoint, tolerance)
    config, checkpoint, out = _texts(
        config=config, checkpoint=checkpoint, out=out)
    image, = (None, ) if image is None else _texts(image=image)
    cfg = load_config(config)
    check_paths(config, checkpoint, out)
    progress('reading the checkpoint')
    weights = read_weights(checkpoint, ema, trust_checkpoint)
    rich = build_model(cfg)
    x = example_input(image, image_channels(rich))
    rich, meta = load_rich(rich, weights, checkpoint), weights.meta
    del weights  # as large as the rich net
    progress('fusing')
    fused, plain_cfg = fuse(rich), plain_config(cfg)
    plain = load_plain(build_model(plain_cfg), fused)
    progress('comparing both forms')
    worst = _check_same(rich, plain, x, tolerance)
    written = write_fused(out, _contents(meta, fused, plain_cfg), plain_cfg)
    return Report(out, written, sum(1 for _ in rep_layers(rich)), worst,
                  needs(plain_cfg))


def load_rich(model: nn.Module, weights: Weights, path: str) -> nn.Module:
    """Load the weights of a training form, in which there is some to fuse.

    Args:
        model: Of the config, changed in place.
        weights: Of the checkpoint.
        path: Of the checkpoint, for messages.

    Returns:
        The model in eval mode.

    Raises:
        UserError: All is plain already, or the weights are of another model.
    """
    enrich(model, weights.state_dict)
    rich = set(rep_layers(model))
    paths = (paths[0] for m, paths in names(model).items() if m in rich)
    if 'mmrep_fused' in weights.meta or _are_plain(weights, paths):
        raise UserError(f'{path!r} is fused already: all its convolutions '
                        'are plain')
    if not rich:
        raise UserError('nothing to fuse: the model of this config has no '
                        're-parameterized layer')
    return load_in_eval(model, weights.state_dict)


def _are_plain(weights: Weights, paths: Iterable[str]) -> bool:
    """Whether weights have plain convolutions for layers, and no other."""
    inside = [set(under(weights.state_dict, f'{path}.')) for path in paths]
    return any(inside) and PLAIN.issuperset(set().union(*inside))


def load_plain(model: nn.Module, fused: nn.Module) -> nn.Module:
    """Load the weights of a fused net into the net of its config.

    Args:
        model: Of the config that is to be written, changed in place.
        fused: What the training form became.

    Returns:
        The model in eval mode.

    Raises:
        UserError: The model has no place for a bias, or is not plain.
    """
    weights, places = fused.state_dict(), model.state_dict()
    for name in weights:
        if name.endswith('.bias') and name not in places:
            raise UserError(f"cannot fuse {name[:-len('.bias')]!r}: it needs "
                            'a bias, which the stock layer has not, and no '
                            'batch norm directly behind it can take it: give '
                            'the layer a bias, or leave it plain')
    for layer in rep_layers(model):
        raise UserError('cannot fuse this config: its plain form still has a '
                        f'{type(layer).__name__}')
    return load_in_eval(model, weights)


def _check_same(rich: nn.Module, plain: nn.Module, x: Tensor,
                tolerance: float) -> float:
    """How far the two nets are from each other.

    Raises:
        UserError: Too far.
    """
    worst = worst_difference(rich, plain, x)
    if worst > tolerance:
        limit = np.format_float_scientific(tolerance, trim='-', exp_digits=2)
        raise UserError(f'not written: fused and training form differ by '
                        f'{worst:.1e} relative, more than {limit}')
    return worst


def _contents(meta: dict, fused: nn.Module, plain_cfg: Config) -> dict:
    """What a fused checkpoint holds."""
    own = dict(mmrep_fused=__version__, cfg=plain_cfg.pretty_text)
    return dict(meta={**meta, **own}, state_dict=fused.state_dict())


def _check_options(ema: Optional[bool], trust_checkpoint: bool,
                   tolerance: float) -> None:
    """Refuse values that would be taken for others.

    Raises:
        UserError: One is of the wrong kind.
    """
    if ema is not None:
        check_flag('ema', ema)
    check_flag('trust_checkpoint', trust_checkpoint)
    number = isinstance(tolerance, (int, float)) and tolerance is not True
    if not number or not 0 < tolerance < math.inf:
        raise UserError(f'`tolerance` (={shown(tolerance)}) must be a number '
                        'above 0, such as 1e-4')


def _texts(**paths: Path) -> List[str]:
    """Paths as strings.

    Raises:
        UserError: One is none.
    """
    for name, path in paths.items():
        if not isinstance(path, (str, os.PathLike)):
            raise UserError(f'`{name}` (={shown(path)}) must be a path')
    return list(map(os.fspath, paths.values()))
