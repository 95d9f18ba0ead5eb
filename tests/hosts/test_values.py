"""Values of the wrong kind end in one sentence that names their place."""
import re

import pytest
from mmengine.config import Config

from mmrep.errors import UserError
from mmrep.hosts import load_config
from mmrep.hosts.values import RULES, check_values, value_at

LOADERS = [f'{name}_dataloader' for name in ('train', 'val', 'test')]
DICTS = [
    'model', 'tta_model', 'data_preprocessor', 'model_wrapper_cfg', *LOADERS,
    'val_cfg', 'test_cfg', 'train_cfg', 'optim_wrapper', 'auto_scale_lr',
    'default_hooks', 'custom_imports', 'visualizer', 'log_processor'
]
WRONG = [
    *((key, value) for key in DICTS for value in (5, 'foo', True, [1])),
    *((key, value) for key in ('val_evaluator', 'test_evaluator',
                               'param_scheduler', 'custom_hooks')
      for value in (5, 'foo', ['foo'], [None])),
    *((f'{loader}.{key}', value) for loader in LOADERS
      for key, values in dict(
          batch_size=(0, -1, 'foo', True, None, 1.5, [2]),
          num_workers=(-1, 'foo', None),
          sampler=(5, 'foo'),
          batch_sampler=([], ),
          persistent_workers=('yes', None),
          pin_memory=(1, ),
          dataset=(5, 'foo', None, []),
      ).items() for value in values),
    ('train_dataloader.dataset.type', 5),
    ('train_dataloader.dataset.data_root', 0),
    ('train_dataloader.dataset.pipeline', 'foo'),
    ('custom_hooks', {}),
    ('train_cfg.type', 5),
    ('train_cfg.by_epoch', 'yes'),
    *((f'train_cfg.{key}', value)
      for key in ('max_iters', 'max_epochs', 'val_interval')
      for value in (0, -1, 'foo', True, None, 1.5, float('inf'),
                    float('nan'), [5], 1j)),
    ('train_cfg.val_begin', -1),
    ('val_cfg.type', None),
    ('test_cfg.type', 5),
    ('param_scheduler.type', 5),
    ('visualizer.type', []),
    ('log_processor.type', None),
    ('optim_wrapper.accumulative_counts', 1.5),
    ('env_cfg.cudnn_benchmark', 'no'),
    ('find_unused_parameters', 5),
    ('optim_wrapper.type', 5),
    ('optim_wrapper.optimizer', 'SGD'),
    ('auto_scale_lr.base_batch_size', 0),
    ('auto_scale_lr.enable', 'no'),
    ('default_hooks.checkpoint', 5),
    ('default_hooks.timer', 'foo'),
    ('custom_imports.imports', 5),
    ('custom_imports.imports', [5]),
    ('custom_imports.allow_failed_imports', 'no'),
    ('visualizer.name', 5),
    ('visualizer.save_dir', 5),
    ('log_processor.window_size', 0),
    ('log_processor.by_epoch', 5),
    *(('log_level', value) for value in ('foo', None, [], 1.5, True)),
    *(('env_cfg', value) for value in (5, None, [])),
    ('env_cfg.mp_cfg', 5),
    ('env_cfg.dist_cfg', None),
    ('runner_type', 5),
    ('runner_type', None),
    ('compile', 'foo'),
    ('load_from', 5),
    ('load_from', ''),
    ('model.test_cfg', 5),
    ('model.data_preprocessor', 'foo'),
    ('resume', 'foo'),
    ('model.init_cfg', 5),
    ('model.backbone.init_cfg', 'foo'),
    ('model.heads', [dict(init_cfg=[5])]),
]  # yapf: disable


def config(key, value):
    """Return a config with a value at a place, and dicts above it."""
    *above, last = key.split('.')
    content = {last: value}
    for part in reversed(above):
        content = {part: content}
    return Config(content, cfg_text=' ', filename='a.py')


@pytest.mark.parametrize('key, value', WRONG, ids=str)
def test_wrong(key, value):
    """One line names the place, the value, the config and the rule."""
    with pytest.raises(UserError) as error:
        check_values(config(key, value))
    message = str(error.value)
    if key == 'model.heads':
        key, value = 'model.heads.0.init_cfg', [5]
    where = key.rsplit('.', 1)[0] if key.startswith('default_') else key
    assert re.match(rf"`{re.escape(where)}` \(=.*\) of config 'a.py' must be ",
                    message)
    assert '\n' not in message and (where != key or repr(value) in message)


@pytest.mark.parametrize('key', [
    'model', *LOADERS, 'val_evaluator', 'val_cfg', 'train_cfg',
    'optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'default_hooks',
    'default_hooks.timer', 'custom_hooks', 'custom_imports', 'visualizer',
    'log_processor', 'compile', 'load_from', 'resume', 'model.init_cfg',
    'train_dataloader.sampler', 'custom_imports.imports'
])
def test_none_where_mmengine_allows_it(key):
    check_values(config(key, None))


@pytest.mark.parametrize('key, value', [
    ('train_cfg.max_iters', 1e5),
    ('train_cfg.type', Config),
    ('param_scheduler', dict(generator=[dict(type='PolyLR')])),
    ('param_scheduler', ()),
    ('val_evaluator', [dict(type='IoUMetric')]),
    ('custom_imports.imports', 'mmrep'),
    ('custom_imports.imports', ['mmrep']),
    ('log_level', 20),
    ('log_level', 'DEBUG'),
    ('compile', True),
    ('compile', dict(backend='eager')),
    ('model.init_cfg', [dict(type='Kaiming')]),
    ('unknown', 5),
])
def test_right(key, value):
    check_values(config(key, value))


@pytest.mark.parametrize('tiny', ['tiny_seg', 'tiny_det', 'tiny_cls'])
def test_configs_of_hosts(request, tiny):
    check_values(load_config(request.getfixturevalue(tiny)))


def test_each_rule_is_looked_at(tiny_seg):
    """Each key of the table is one that a config has."""
    for key, rule in RULES.items():
        assert not rule.fits(object()) and rule.words
        with pytest.raises(UserError):
            check_values(config(key, object()))


@pytest.mark.parametrize('options', [
    {'custom_imports': 5},
    {'custom_imports.imports': 5},
    {'model': 'foo'},
    {'default_scope': []},
])  # yapf: disable
def test_before_anything_is_made_of_it(tiny_seg, options):
    (key, value), = options.items()
    with pytest.raises(
            UserError, match=rf'`{key}` \(={re.escape(repr(value))}'):
        load_config(tiny_seg, options)


def test_values_at():
    cfg = config('a.b.c', 1)
    assert value_at(cfg, 'a.b.c') == 1 and value_at(cfg, 'a.b') == dict(c=1)
    missing = value_at(cfg, 'a.x')
    assert value_at(cfg, 'a.b.c.d') is missing is value_at(cfg, 'x.y')
