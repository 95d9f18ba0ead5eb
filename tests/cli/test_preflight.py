"""All checks of a run, in their order."""
import pytest
from mmengine.config import Config

from mmrep.cli import UserError, check_testing, check_training, load_config

FAULTS = (
    # each fault hides those below it
    ('`vis_backends`', {
        'visualizer': dict(type='Visualizer', vis_backends=5)
    }),
    ('`default_hooks.logger.priority`', {
        'default_hooks.logger.priority': 'FIRST'
    }),
    ('has no `val_cfg`', {
        'val_cfg': None
    }),
    ('no dataset at', {
        'train_dataloader.dataset.data_root': 'gone'
    }),
    ('cannot build the model', {
        'model.backbone.depth': 19
    }),
    ('cannot build the `optim_wrapper`', {
        'optim_wrapper.optimizer.type': 'Gone'
    }),
    ("no such file: 'gone.pth'|gone.pth", {
        'load_from': 'gone.pth'
    }),
)


def changed(path, options):
    cfg = load_config(path)
    for key, value in options.items():
        *parts, last = key.split('.')
        node = cfg
        for part in parts:
            node = node[part]
        node[last] = value
    return cfg


def test_a_training_that_can_begin(tiny_cls, built):
    check_training(load_config(tiny_cls))
    assert len(built) == 1


@pytest.mark.parametrize('first', range(len(FAULTS)))
def test_the_order(tiny_cls, first):
    options = {}
    for _, fault in FAULTS[first:]:
        options.update(fault)
    with pytest.raises(UserError, match=FAULTS[first][0]):
        check_training(changed(tiny_cls, options))


def test_dyrep_before_the_optimizer(tiny_cls):
    cfg = changed(tiny_cls, {'optim_wrapper.optimizer.type': 'Gone'})
    cfg.custom_hooks = [dict(type='DyRepHook', scope='bakbone')]
    with pytest.raises(UserError, match='bakbone'):
        check_training(cfg)


@pytest.mark.parametrize('options, words', [
    ({
        'test_cfg': None
    }, '`test_cfg`'),
    ({
        'test_dataloader.dataset.data_root': 'gone'
    }, 'no such'),
    ({
        'test_cfg': None,
        'test_dataloader': None,
        'test_evaluator': None
    }, 'has no `test_dataloader`'),
])
def test_tests(tiny_cls, options, words):
    """A missing checkpoint is refused before missing data."""
    with pytest.raises(UserError, match=words):
        check_testing(changed(tiny_cls, options), 'gone.pth')


def test_nothing_is_changed(tiny_cls):
    cfg = load_config(tiny_cls)
    before = Config(cfg.to_dict())
    check_training(cfg)
    assert cfg.to_dict() == before.to_dict()
