"""Turn a trained checkpoint into the files of a plain net."""
import math
import os
from typing import Callable, List, NamedTuple, Optional, Tuple, Union

import numpy as np
from mmengine.config import Config
from torch import Tensor, nn

from ..checkpoints.weights import read_weights
from ..custom_imports import needs
from ..errors import UserError, shown
from ..fusing.examples import image_channels
from ..fusing.net import fuse
from ..hosts import build_model, load_config
from ..layers.geometry import check_flag
from ..nets.walk import rep_layers
from ..version import __version__
from .files import check_paths, write_fused
from .forms import load_plain, load_rich
from .stock_config import plain_config
from .verify import example_input, worst_difference

Path = Union[str, os.PathLike]
TOLERANCE = 1e-4  # relative difference of features and dense heads


class Report(NamedTuple):
    """The files that :func:`deploy` wrote, and how exact they are.

    Attributes:
        checkpoint: The path of the fused checkpoint.
        config: The path of the config that goes with it.
        layers: The number of fused layers.
        worst_difference: The largest relative difference between the
            training form and the fused net.
        needs: The packages that the config imports beside the host: 'no
            mmrep', 'mmrep', or its ``custom_imports``.

    Examples:
        >>> from mmrep.deploy import Report
        >>> report = Report('fused.pth', 'fused.py', 16, 2e-7, 'no mmrep')
        >>> f'{report.layers} layers differ by {report.worst_difference:.0e}'
        '16 layers differ by 2e-07'
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
        config: The path of the config of the training form.
        checkpoint: The path of its trained checkpoint.
        out: The path of the fused checkpoint to write, ``*.pth``; its config
            is written beside it, ``*.py``.
        ema: True takes the averaged weights of a file written with EMAHook,
            False the raw ones. Defaults to None: those under ``state_dict``.
        image: The path of an image to compare on. Defaults to None: a random
            input.
        trust_checkpoint: True if pickled objects of the checkpoint may run
            their code. Defaults to False.
        tolerance: The largest relative difference of features and dense heads
            with which the files are written. Defaults to 1e-4.
        progress: The function to call with the name of each task, in a few
            words. Defaults to one that does nothing.

    Raises:
        UserError: A file is missing, cannot be read or cannot be written, the
            files do not fit each other, there is nothing to fuse, or the two
            nets differ. Nothing is written then.

    Examples:
        >>> import os, tempfile, torch
        >>> from mmengine.config import Config
        >>> from mmrep import deploy
        >>> from mmrep.hosts import build_model
        >>> cfg = Config(dict(
        ...     default_scope='mmpretrain',
        ...     custom_imports=dict(
        ...         imports=['mmrep'], allow_failed_imports=False),
        ...     model=dict(
        ...         type='ImageClassifier',
        ...         backbone=dict(
        ...             type='DBBResNet', depth=18, stem_channels=4,
        ...             base_channels=4))))
        >>> os.chdir(tempfile.mkdtemp())
        >>> cfg.dump('rich.py')
        >>> model = build_model(cfg)
        >>> torch.save(dict(state_dict=model.state_dict()), 'rich.pth')
        >>> report = deploy.deploy('rich.py', 'rich.pth', 'plain.pth')
        >>> report.layers, report.worst_difference < 1e-4, report.needs
        (16, True, 'no mmrep')
        >>> sorted(os.listdir())
        ['plain.pth', 'plain.py', 'rich.pth', 'rich.py']
    """
    _check_options(ema, trust_checkpoint, tolerance)
    config, checkpoint, out = _texts(
        config=config, checkpoint=checkpoint, out=out)
    cfg = load_config(config)
    check_paths(config, checkpoint, out)
    progress('reading the checkpoint')
    rich, meta, x = _training_form(cfg, checkpoint, image, ema,
                                   trust_checkpoint)
    progress('fusing')
    fused, plain_cfg = fuse(rich), plain_config(cfg)
    plain = load_plain(build_model(plain_cfg), fused)
    progress('comparing both forms')
    worst = _check_same(rich, plain, x, tolerance)
    beside = write_fused(out, _contents(meta, fused, plain_cfg), plain_cfg)
    layers = sum(1 for _ in rep_layers(rich))
    return Report(out, beside, layers, worst, needs(plain_cfg))


def _training_form(cfg: Config, checkpoint: str, image: Optional[Path],
                   ema: Optional[bool],
                   trusted: bool) -> Tuple[nn.Module, dict, Tensor]:
    """Load the training form; return it, its meta and an input for it."""
    weights = read_weights(checkpoint, ema, trusted)
    model = build_model(cfg)
    path = None if image is None else _texts(image=image)[0]
    x = example_input(path, image_channels(model))
    return load_rich(model, weights, checkpoint), weights.meta, x


def _check_same(rich: nn.Module, plain: nn.Module, x: Tensor,
                tolerance: float) -> float:
    """Return the largest relative difference between two nets.

    Raises:
        UserError: The difference exceeds the tolerance.
    """
    worst = worst_difference(rich, plain, x)
    if worst > tolerance:
        limit = np.format_float_scientific(tolerance, trim='-', exp_digits=2)
        raise UserError(f'not written: fused and training form differ by '
                        f'{worst:.1e} relative, more than {limit}')
    return worst


def _contents(meta: dict, fused: nn.Module, plain_cfg: Config) -> dict:
    """Return the content of a fused checkpoint."""
    own = dict(mmrep_fused=__version__, cfg=plain_cfg.pretty_text)
    return dict(meta={**meta, **own}, state_dict=fused.state_dict())


def _check_options(ema: Optional[bool], trust_checkpoint: bool,
                   tolerance: float) -> None:
    """Refuse options of the wrong kind.

    Raises:
        UserError: An option is of the wrong kind.
    """
    if ema is not None:
        check_flag('ema', ema)
    check_flag('trust_checkpoint', trust_checkpoint)
    number = isinstance(tolerance, (int, float)) and tolerance is not True
    if not number or not 0 < tolerance < math.inf:
        raise UserError(f'`tolerance` (={shown(tolerance)}) must be a number '
                        'above 0, such as 1e-4')


def _texts(**paths: Path) -> List[str]:
    """Return paths as strings.

    Raises:
        UserError: An argument is not a path.
    """
    for name, path in paths.items():
        if not isinstance(path, (str, os.PathLike)):
            raise UserError(f'`{name}` (={shown(path)}) must be a path')
    return list(map(os.fspath, paths.values()))
