"""Hooks whose options would stop a run are refused before it starts."""
import re

import pytest
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.runner import Priority

from mmrep.cli import UserError
from mmrep.cli.hooks import check_hooks, hooks_of

from ..refusals import sentence


def config(*hooks, **default_hooks):
    return Config(
        dict(custom_hooks=list(hooks), default_hooks=default_hooks),
        cfg_text=' ',
        filename='a.py')


def refused(cfg, place, value):
    """Check that the sentence names the place, the value and the config."""
    message = sentence(check_hooks, cfg)
    assert message.startswith(f'`{place}` (={value!r}) of config ')
    assert ' must ' in message
    return message


def test_hooks_and_their_places():
    cfg = config(dict(type='A'), checkpoint=dict(interval=1), timer=None)
    assert dict(hooks_of(cfg)) == {
        'default_hooks.checkpoint': dict(type='CheckpointHook', interval=1),
        'custom_hooks.0': dict(type='A')
    }
    for nothing in ({}, dict(default_hooks=None, custom_hooks=None)):
        assert not list(hooks_of(Config(nothing)))


@pytest.mark.parametrize('priority',
                         [0, 100, 'HIGH', 'very_low', Priority.LOW, None])
def test_priorities(priority):
    check_hooks(config(dict(type='DyRepHook', priority=priority)))


@pytest.mark.parametrize('priority', [-1, 101, 'HIGHER', '', 5.0, [], {}, b''])
def test_what_is_no_priority(priority):
    cfg = config(dict(type='DyRepHook', priority=priority))
    message = refused(cfg, 'custom_hooks.0.priority', priority)
    assert 'VERY_HIGH' in message and 'from 0 to 100' in message
    cfg = config(timer=dict(type='IterTimerHook', priority=priority))
    refused(cfg, 'default_hooks.timer.priority', priority)


@pytest.mark.parametrize('name, value', [
    ('filename_tmpl', 5),
    ('filename_tmpl', '{}_{}.pth'),
    ('filename_tmpl', '{.pth'),
    ('filename_tmpl', '{iter}.pth'),
    ('filename_tmpl', '{0.real.gone}.pth'),
    ('filename_tmpl', '{:s}.pth'),
    ('interval', 'foo'),
    ('interval', 1.5),
    ('interval', None),
    ('interval', True),
    ('max_keep_ckpts', '3'),
    ('save_begin', None),
    ('by_epoch', 'no'),
    ('save_last', 1),
    ('save_optimizer', None),
    ('save_param_scheduler', 'yes'),
    ('save_best', 5),
    ('save_best', [5]),
    ('out_dir', 5),
])
def test_saving(name, value):
    """A default hook without a type is checked like an added one."""
    options = {name: value}
    refused(
        config(checkpoint=options), f'default_hooks.checkpoint.{name}', value)
    for kind in ('CheckpointHook', 'mmengine.CheckpointHook', CheckpointHook):
        refused(
            config(dict(type=kind, **options)), f'custom_hooks.0.{name}',
            value)
    check_hooks(config(dict(type='OtherHook', **options)))


@pytest.mark.parametrize('options', [
    dict(),
    dict(filename_tmpl=None, save_best=None, out_dir=None),
    dict(filename_tmpl='iter_{}.pth', save_best='auto'),
    dict(filename_tmpl='{:06d}.pth', save_best=['a', 'b'], interval=-1),
    dict(out_dir='s3://bucket/a'),
])
def test_what_can_save(options):
    check_hooks(config(checkpoint=options))


def test_a_folder_of_checkpoints(tmp_path):
    check_hooks(config(checkpoint=dict(out_dir=str(tmp_path / 'new'))))
    (tmp_path / 'file').write_text('')
    for path in ('', 'a\0b', str(tmp_path / 'file'), str(tmp_path / 'file/a')):
        with pytest.raises(
                UserError,
                match='^`default_hooks.checkpoint.out_dir` ' +
                re.escape(f'(={path!r}) must be a')):
            check_hooks(config(checkpoint=dict(out_dir=path)))


def test_logging():
    refused(config(logger=dict(type='LoggerHook', interval='a')),
            'default_hooks.logger.interval', 'a')  # yapf: disable
