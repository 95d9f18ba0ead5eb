"""Runs that are killed and resumed end like those that are not."""
import signal
import sys
from pathlib import Path

import pytest
import torch

from mmrep.checkpoints import read_checkpoint

from ..forking import Forked

ROOT = Path(__file__).parents[2]
KILLER = '''
import os
import signal

from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class KillHook(Hook):
    priority = 'LOWEST'

    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == 10 and 'MMREP_KILL' in os.environ:
            os.kill(os.getpid(), signal.SIGKILL)
'''
LAYER_WISE = dict(
    norm_decay_mult=0.,
    custom_keys={
        'layer1': dict(lr_mult=0.5),
        'branches': dict(lr_mult=2)
    })


def config_of(case, evolving, tmp_path):
    (tmp_path / 'killer.py').write_text(KILLER)
    hooks = [dict(type='EMAHook', momentum=0.1), dict(type='KillHook')]
    host = 'mmdet' if case == 'epochs' else 'mmseg'
    cfg, path = evolving(host, hooks=hooks)
    cfg.custom_imports.imports = ['mmrep', 'killer']
    cfg.custom_hooks[0].recalibrate = 2
    cfg.optim_wrapper.paramwise_cfg = LAYER_WISE
    cfg.optim_wrapper.clip_grad = dict(max_norm=5)
    if case == 'iterations':  # the kill at 10 is two steps after an event
        cfg.custom_hooks[0].update(interval=4, stop=12, cut_threshold=1e-9)
        cfg.model.decode_head.dropout_ratio = 0.3
        cfg.optim_wrapper.constructor = 'GroupedOptimWrapperConstructor'
    else:
        by_epochs(cfg)
    cfg.dump(path)
    return path


def by_epochs(cfg):
    """Four images are two iterations; each third iteration steps."""
    cfg.train_cfg = dict(
        type='EpochBasedTrainLoop', max_epochs=8, val_interval=3)
    cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
    cfg.custom_hooks[0].update(interval=2, stop=6)
    cfg.optim_wrapper.accumulative_counts = 3
    cfg.optim_wrapper.optimizer = dict(type='AdamW', lr=1e-3, weight_decay=.01)
    cfg.param_scheduler[1] = dict(
        type='CosineAnnealingLR', T_max=8, by_epoch=True)
    cfg.default_hooks.checkpoint = dict(
        type='CheckpointHook', by_epoch=True, interval=1)


def start(path, work_dir, *arguments, **environment):
    return Forked([
        sys.executable, ROOT / 'tools/train.py', path, '--work-dir', work_dir,
        *arguments
    ],
                  env=dict(PYTHONPATH=f'{Path(path).parent}', **environment))


def finish(process):
    output, _ = process.communicate()
    return process.returncode, output


def differing(a, b, path=''):
    """Return the names of all values that are not bit for bit the same."""
    if torch.is_tensor(a):
        same = torch.is_tensor(b) and a.dtype == b.dtype and a.equal(b)
        return [] if same else [path]
    if isinstance(a, dict):
        if list(a) != list(b):
            return [path]
        return [d for k in a for d in differing(a[k], b[k], f'{path}/{k}')]
    if isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return [path]
        pairs = enumerate(zip(a, b))
        return [d for i, p in pairs for d in differing(*p, f'{path}/{i}')]
    return [] if a == b else [path]


@pytest.mark.parametrize('case, last', [('iterations', 'iter_12.pth'),
                                        ('epochs', 'epoch_8.pth')])
def test_killed_and_resumed(case, last, evolving, tmp_path):
    path = config_of(case, evolving, tmp_path)
    straight = start(path, tmp_path / 'straight')
    killed = start(path, tmp_path / 'killed', MMREP_KILL='1')
    assert finish(killed)[0] == -signal.SIGKILL
    code, output = finish(start(path, tmp_path / 'killed', '--resume'))
    assert code == 0, output[-2000:]
    code, output = finish(straight)
    assert code == 0, output[-2000:]
    ends = [
        read_checkpoint(str(tmp_path / name / last))
        for name in ('straight', 'killed')
    ]
    history = ends[0]['dyrep']['history']
    assert len(history) == 3 and len(ends[0]['optimizer']['state']) > 80
    assert any(event['cut'] for event in history) == (case == 'iterations')
    for part in ('state_dict', 'ema_state_dict', 'optimizer',
                 'param_schedulers', 'dyrep'):
        assert differing(ends[0][part], ends[1][part]) == []
