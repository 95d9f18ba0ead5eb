"""Flags that change the config of a training."""
import pytest
from mmengine.config import Config

from mmrep.cli.flags import set_flags
from mmrep.errors import UserError


def config(**more):
    return Config(dict(optim_wrapper=dict(optimizer=dict(lr=1.)), **more))


def test_without_flags_nothing_changes():
    cfg = config()
    set_flags(cfg, False, False)
    assert cfg.to_dict() == config().to_dict()


def test_flags_are_in_the_config():
    cfg = config(auto_scale_lr=dict(base_batch_size=8))
    set_flags(cfg, True, True)
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    assert cfg.optim_wrapper.loss_scale == 'dynamic'
    assert cfg.auto_scale_lr.enable is True


def test_a_loss_scale_of_the_config_stays():
    cfg = Config(dict(optim_wrapper=dict(loss_scale=512.)))
    set_flags(cfg, True, False)
    assert cfg.optim_wrapper.loss_scale == 512.


def test_configs_that_do_not_fit_a_flag():
    with pytest.raises(UserError, match='--auto-scale-lr needs'):
        set_flags(config(), False, True)
    cfg = Config(dict(optim_wrapper=dict(type='ApexOptimWrapper')))
    with pytest.raises(UserError, match="--amp needs.*'ApexOptimWrapper'"):
        set_flags(cfg, True, False)
