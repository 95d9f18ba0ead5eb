"""Backends that could not write are refused before anything is built."""
import pytest
from mmengine.config import ConfigDict
from mmengine.visualization import LocalVisBackend, TensorboardVisBackend

from mmrep.cli import visualizer
from mmrep.cli.visualizer import PACKAGES, UserError, check_visualizer


def config(*backends):
    return ConfigDict(visualizer=dict(vis_backends=list(backends)))


@pytest.fixture
def installed(monkeypatch):
    """Pretend that these packages alone are installed."""
    found = {'tensorboard'}
    monkeypatch.setattr(visualizer, 'find_spec',
                        lambda name: name in found or None)
    return found


@pytest.mark.parametrize('cfg', [
    ConfigDict(),
    ConfigDict(visualizer=None),
    ConfigDict(visualizer=dict(type='Visualizer')),
    ConfigDict(visualizer=dict(vis_backends=None)),
    config(dict(type='LocalVisBackend'), dict(type=LocalVisBackend)),
    config(dict(type='mmengine.TensorboardVisBackend')),
    config(dict(type='MyOwnBackend')),
])
def test_what_can_write(cfg, installed):
    check_visualizer(cfg)


@pytest.mark.parametrize('kind', ['WandbVisBackend', 'mmseg.WandbVisBackend'])
def test_a_package_that_is_missing(kind, installed):
    cfg = config(dict(type='LocalVisBackend'), dict(type=kind))
    with pytest.raises(UserError) as caught:
        check_visualizer(cfg)
    assert str(caught.value) == (
        "WandbVisBackend in `visualizer` needs the package 'wandb', which is "
        'not installed: run `pip install wandb` or leave the backend out')


def test_a_class_counts_too(installed):
    installed.clear()
    with pytest.raises(UserError, match='pip install tensorboard'):
        check_visualizer(config(dict(type=TensorboardVisBackend)))


def test_backends_that_are_no_list(installed):
    backend = dict(type='LocalVisBackend')
    for backends in (backend, 'LocalVisBackend', 5, 0, '', ['Local'], [5],
                     [backend, None]):
        with pytest.raises(UserError, match='must be a list'):
            check_visualizer(
                ConfigDict(visualizer=dict(vis_backends=backends)))


def test_all_backends_of_mmengine_are_known():
    from mmengine.registry import VISBACKENDS
    known = {*PACKAGES, 'LocalVisBackend'}
    assert {
        name
        for name, kind in VISBACKENDS.module_dict.items()
        if kind.__module__ == 'mmengine.visualization.vis_backend'
    } == known
