"""Flags of a training that change its config."""
from mmengine.config import Config

from .errors import UserError


def set_flags(cfg: Config, amp: bool, auto_scale_lr: bool) -> None:
    """Put the flags of ``tools/train.py`` into a config.

    Args:
        cfg: The config, changed in place.
        amp: True trains in mixed precision.
        auto_scale_lr: True scales the learning rate with the batch size.

    Raises:
        UserError: The config does not fit a flag.
    """
    if auto_scale_lr:
        set_auto_scale_lr(cfg)
    if amp:
        set_amp(cfg)


def set_amp(cfg: Config) -> None:
    """Switch to mixed precision.

    Args:
        cfg: The config, changed in place.

    Raises:
        UserError: The config has another kind of ``optim_wrapper``.
    """
    wrapper = cfg.get('optim_wrapper')
    if not wrapper:
        return  # the preflight refuses it
    kind = wrapper.setdefault('type', 'OptimWrapper')
    if kind not in ('OptimWrapper', 'AmpOptimWrapper'):
        raise UserError("--amp needs `optim_wrapper.type` 'OptimWrapper', "
                        f'config {cfg.filename!r} has {kind!r}')
    wrapper.type = 'AmpOptimWrapper'
    wrapper.setdefault('loss_scale', 'dynamic')


def set_auto_scale_lr(cfg: Config) -> None:
    """Switch on the scaling of the learning rate.

    Args:
        cfg: The config, changed in place.

    Raises:
        UserError: The config has no base batch size.
    """
    if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
        raise UserError('--auto-scale-lr needs `auto_scale_lr='
                        f'dict(base_batch_size=...)` in config '
                        f'{cfg.filename!r}')
    cfg.auto_scale_lr.enable = True
