"""Two processes evolve alike, on CPUs."""
import sys
from pathlib import Path

import torch

from ..forking import run_ranks

ROOT = Path(__file__).parents[2]
WITNESS = '''
import copy

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

import mmrep


@HOOKS.register_module()
class WitnessHook(Hook):
    priority = 'LOWEST'

    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == 11:
            self.buffers = copy.deepcopy(
                dict(runner.model.module.named_buffers()))

    def after_train(self, runner):
        model = runner.model.module
        evolution = next(hook for hook in runner.hooks
                         if isinstance(hook, mmrep.DyRepHook)).evolution
        torch.save(
            dict(
                parameters=dict(model.named_parameters()),
                buffers=self.buffers,
                structure=mmrep.structure(model),
                history=evolution.history),
            f'{runner.work_dir}/rank{runner.rank}.pth')
'''


def test_both_processes_evolve_alike(evolving, free_port, tmp_path):
    (tmp_path / 'witness.py').write_text(WITNESS)
    cfg, path = evolving(
        'mmseg',
        hooks=[dict(type='EMAHook'),
               dict(type='WitnessHook')],
        interval=2,
        stop=12,
        recalibrate=2,
        cut_threshold=1e-9)
    cfg.custom_imports.imports = ['mmrep', 'witness']
    cfg.model.backbone.norm_cfg = dict(type='SyncBN')
    cfg.optim_wrapper.paramwise_cfg = dict(norm_decay_mult=0.)
    # seeds of the processes differ, and are too large for numpy
    cfg.randomness = dict(seed=2**32 - 1, diff_rank_seed=True)
    cfg.dump(path)
    ranks = run_ranks(
        sys.executable,
        ROOT / 'tools/train.py',
        path,
        '--work-dir',
        tmp_path / 'run',
        '--launcher',
        'pytorch',
        port=free_port,
        PYTHONPATH=str(tmp_path))
    assert not any(status for status, _ in ranks), ranks
    first, second = [
        torch.load(tmp_path / f'run/rank{rank}.pth', weights_only=False)
        for rank in (0, 1)
    ]
    assert len(first['history']) == 6
    assert any(event['cut'] for event in first['history'])
    assert all(
        event['grown_change'][0] <= 1e-5 and event['cut_change'][0] <= 1e-5
        for event in first['history'] + second['history'])
    for key in ('step', 'grown', 'score', 'cut'):
        assert [e[key] for e in first['history']
                ] == [e[key] for e in second['history']]
    assert first['structure'] == second['structure'] != {}
    mine, theirs = first['parameters'], second['parameters']
    assert mine.keys() == theirs.keys()
    assert all(mine[name].equal(theirs[name]) for name in mine)
    # norms were measured anew right before this
    mine, theirs = first['buffers'], second['buffers']
    assert all(mine[name].equal(theirs[name]) for name in mine)
