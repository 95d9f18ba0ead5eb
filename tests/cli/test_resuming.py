"""Killed runs are resumed from the right checkpoint, or refused."""
import logging

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import CheckpointHook

from mmrep.cli import UserError, resuming
from mmrep.cli.resuming import latest_checkpoint, warn_of_losses


def warned(monkeypatch, **cfg):
    told = []
    monkeypatch.setattr(resuming, 'print_log',
                        lambda text, _, level: told.append((level, text)))
    warn_of_losses(Config(cfg))
    assert all(level == logging.WARNING for level, _ in told)
    return [text for _, text in told]


@pytest.mark.parametrize('hook, words', [
    (dict(max_keep_ckpts=1), ('max_keep_ckpts` (=1)', 'at least 2')),
    (dict(save_optimizer=False), ('save_optimizer` (=False)', 'True')),
    (dict(save_param_scheduler=False),
     ('save_param_scheduler` (=False)', 'True')),
])
def test_settings_that_lose_work(hook, words, monkeypatch):
    places = {
        'default_hooks.checkpoint':
        dict(default_hooks=dict(checkpoint=hook)),
        'default_hooks.saver':
        dict(
            default_hooks=dict(
                saver=dict(type='mmengine.CheckpointHook', **hook))),
        'custom_hooks.1':
        dict(custom_hooks=[
            dict(type='EMAHook'),
            dict(type=CheckpointHook, **hook)
        ])
    }
    for place, cfg in places.items():
        told, = warned(monkeypatch, **cfg)
        assert told.startswith(f'`{place}.')
        assert all(word in told for word in words) and '\n' not in told


@pytest.mark.parametrize('cfg', [
    dict(),
    dict(default_hooks=None, custom_hooks=None),
    dict(default_hooks=dict(checkpoint=None, logger=dict(type='LoggerHook'))),
    dict(default_hooks=dict(checkpoint=dict(max_keep_ckpts=2))),
    dict(custom_hooks=[dict(type='Other', max_keep_ckpts=1)])
])
def test_settings_that_lose_nothing(cfg, monkeypatch):
    assert warned(monkeypatch, **cfg) == []


@pytest.fixture
def saved(tmp_path):
    """Return a function that writes checkpoints and `last_checkpoint`."""

    def save(*steps, last=None, cut=()):
        for step in steps:
            path = tmp_path / f'iter_{step}.pth'
            torch.save(
                dict(state_dict=dict(a=torch.ones(99)), optimizer={}), path)
            if step in cut:
                path.write_bytes(path.read_bytes()[:300])
        if last is not None:
            (tmp_path / 'last_checkpoint').write_text(last)
        return str(tmp_path)

    return save


def test_nothing_was_saved(saved):
    assert latest_checkpoint(saved()) is None


def test_a_first_checkpoint_that_was_cut_off(saved):
    """The run starts anew and overwrites it."""
    assert latest_checkpoint(saved(10, cut=[10])) is None


def test_the_last(saved, tmp_path):
    last = str(tmp_path / 'iter_9.pth')
    assert latest_checkpoint(saved(9, 10, last=last)) == last
    # another one was not finished
    assert latest_checkpoint(saved(9, 10, last=last, cut=[10])) == last


def test_from_another_folder(saved, tmp_path):
    """mmengine keeps the path as the user wrote it."""
    work_dir = saved(9, last='work_dirs/x/iter_9.pth')
    assert latest_checkpoint(work_dir) == str(tmp_path / 'iter_9.pth')


@pytest.mark.parametrize('last, words', [
    ('iter_100.pth', 'truncated'),
    ('iter_200.pth', 'no such checkpoint'),
    ('', 'is empty'),
    (None, 'no `last_checkpoint`'),
])
def test_another_one_is_named(last, words, saved, tmp_path):
    """It is the whole checkpoint with the largest number."""
    work_dir = saved(8, 9, 20, 100, last=last, cut=[20, 100])
    torch.save(dict(state_dict={}), tmp_path / 'iter_50.pth')
    torch.save(dict(state_dict={}, optimizer={}), tmp_path / 'best_60.pth')
    with pytest.raises(UserError, match=words) as error:
        latest_checkpoint(work_dir)
    assert f"`--resume {tmp_path / 'iter_9.pth'}`" in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('last', ['iter_10.pth', 'iter_20.pth', ''])
def test_there_is_no_other(last, saved):
    """This happens with `max_keep_ckpts=1`, if a save is killed."""
    with pytest.raises(UserError, match='there is no other.*without --resume'):
        latest_checkpoint(saved(10, last=last, cut=[10]))


def test_objects_are_told_as_such(saved, tmp_path):
    work_dir = saved(8, last='iter_9.pth')
    torch.save(dict(state_dict={}, what=UserError), tmp_path / 'iter_9.pth')
    with pytest.raises(UserError, match='--trust-checkpoint') as error:
        latest_checkpoint(work_dir)
    assert 'iter_8' not in str(error.value)
    assert latest_checkpoint(work_dir, trusted=True).endswith('iter_9.pth')
