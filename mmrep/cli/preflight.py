"""Check a run before it begins and writes."""
from mmengine.config import Config
from mmengine.device import get_device
from torch import nn

from ..backbones.freezing import half_frozen
from ..checkpoints.safe_load import read_checkpoint
from ..hosts import build_model
from ..nets.walk import rep_layers
from ..structures.matching import check_checkpoint_matches
from .data import check_datasets
from .dyrep import hook_of
from .errors import UserError
from .hooks import check_hooks
from .optimizer import build_optimizer
from .runner import check_complete
from .starting import check_start
from .visualizer import check_visualizer


def check_training(cfg: Config, trusted: bool = False) -> None:
    """Refuse a training that could not run to its end, cheap checks first.

    The model is built once for all checks.

    Args:
        cfg: The config from ``prepare_config``, with all flags applied;
            :func:`.starting.check_start` may change its ``load_from``.
        trusted: True if pickled objects of checkpoints may run their code.
            Defaults to False.

    Raises:
        UserError: The config has nothing to train or an impossible value, or
            a part of it does not fit the data, the model, the checkpoints or
            this machine.
    """
    _check_parts(cfg)
    _check_trainable(cfg)
    check_datasets(cfg, ('train_dataloader', 'val_dataloader'))
    model = build_model(cfg)
    _check_modules(cfg, model)
    hook = hook_of(cfg)
    if hook is not None:
        hook.check(model, cfg)
    build_optimizer(cfg, model)
    check_start(cfg, model, trusted)


def check_testing(cfg: Config, path: str, trusted: bool = False) -> None:
    """Refuse an evaluation that could not run to its end.

    Args:
        cfg: The config from ``prepare_config``.
        path: The path of the checkpoint, which must fit the whole model:
            mmengine would leave the rest untrained.
        trusted: True if pickled objects of the checkpoint may run their code.
            Defaults to False.

    Raises:
        UserError: The config has nothing to evaluate or an impossible value,
            the data are missing, or the checkpoint belongs to another
            architecture.
    """
    _check_parts(cfg)
    for name in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        if cfg.get(name) is None:
            raise UserError(f'config {cfg.filename!r} has no `{name}`')
    checkpoint = read_checkpoint(path, trusted)
    check_datasets(cfg, ('test_dataloader', ))
    check_checkpoint_matches(build_model(cfg), checkpoint['state_dict'])


def _check_parts(cfg: Config) -> None:
    """Refuse parts that no Runner can be built from."""
    check_visualizer(cfg)
    check_hooks(cfg)
    check_complete(cfg)


def _check_trainable(cfg: Config) -> None:
    """Refuse a config that cannot be trained, or not on this machine."""
    for name in ('train_dataloader', 'train_cfg', 'optim_wrapper'):
        if not cfg.get(name):
            raise UserError(f'config {cfg.filename!r} has no `{name}`')
    if (cfg.optim_wrapper.get('type') == 'AmpOptimWrapper'
            and get_device() in ('cpu', 'mps')):
        raise UserError('mixed precision (--amp, AmpOptimWrapper) needs a '
                        f'GPU: the device here is {get_device()!r}')


def _check_modules(cfg: Config, model: nn.Module) -> None:
    """Refuse options of hosts and mmengine that would break blocks."""
    if cfg.get('efficient_conv_bn_eval') and any(rep_layers(model)):
        raise UserError(
            '`efficient_conv_bn_eval` takes convolutions for their `weight` '
            'alone and cannot be used with re-parameterized layers, which are '
            'one convolution under frozen norms anyway: leave it out')
    model.train()  # `train()` also applies the host's freezing
    frozen = half_frozen(model)
    if frozen:
        raise UserError(
            f'`frozen_stages` of the host fixes {frozen[0]!r} but not the '
            'statistics of the norms inside of it: set `norm_eval=True`, '
            '`frozen_stages=-1`, or take a backbone of mmrep')
