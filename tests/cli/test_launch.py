"""Tests of mmrep/cli/launch.py; real launches are in tests/tools."""
import os

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmrep.cli import (UserError, launch, load_config, prepare_launcher,
                       set_loader_defaults, set_work_dir)
from mmrep.cli.launch import set_seed


def test_work_dir(tiny_seg):
    cfg = load_config(tiny_seg)
    set_work_dir(cfg, None)
    assert cfg.work_dir == os.path.join('work_dirs', 'tiny_seg')
    cfg.work_dir = 'mine'
    set_work_dir(cfg, None)
    assert cfg.work_dir == 'mine'
    set_work_dir(cfg, 'flag')
    assert cfg.work_dir == 'flag'
    cfg.work_dir = None
    set_work_dir(cfg, None)
    assert cfg.work_dir == os.path.join('work_dirs', 'tiny_seg')


@pytest.mark.parametrize('path', ['', 5, 'a\0b', '/dev/null/a', []])
def test_a_work_dir_that_cannot_be(tiny_seg, path):
    cfg = load_config(tiny_seg)
    with pytest.raises(UserError, match='^--work-dir '):
        set_work_dir(cfg, path)
    cfg.work_dir = path
    with pytest.raises(UserError, match='^`work_dir` '):
        set_work_dir(cfg, None)


def test_a_work_dir_with_the_config_itself(tiny_seg, tmp_path):
    """The Runner may replace a config that it wrote, but no other."""
    path = tmp_path / 'a.py'
    path.write_text(f"_base_ = '{tiny_seg}'")
    cfg = load_config(str(path))
    with pytest.raises(UserError, match='has the config .* itself'):
        set_work_dir(cfg, str(tmp_path))
    cfg.dump(str(path))
    set_work_dir(load_config(str(path)), str(tmp_path))


def test_loader_defaults(tiny_cls, tiny_seg):
    cfg = load_config(tiny_cls, {'train_dataloader.num_workers': 2})
    set_loader_defaults(cfg)
    assert cfg.train_dataloader.collate_fn == dict(type='default_collate')
    assert cfg.train_dataloader.persistent_workers is True
    assert cfg.val_dataloader.persistent_workers is False
    cfg = load_config(tiny_seg)
    set_loader_defaults(cfg)
    assert 'collate_fn' not in cfg.train_dataloader


@pytest.fixture
def on_cpu(monkeypatch):
    """Pretend that torchrun started a CPU process; list the calls of init."""
    calls = []
    monkeypatch.setattr(launch, 'get_device', lambda: 'cpu')
    monkeypatch.setattr(torch.distributed, 'init_process_group', calls.append)
    monkeypatch.setenv('RANK', '0')
    return calls


def test_cpu_processes(on_cpu):
    cfg = Config(
        dict(
            find_unused_parameters=True,
            model=dict(
                backbone=dict(norm_cfg=dict(type='SyncBN', eps=1e-3)),
                heads=[dict(norm_cfg=dict(type='SyncBN'))])))
    prepare_launcher(cfg, 'pytorch')
    assert on_cpu == ['gloo']
    assert cfg.launcher == 'pytorch'
    assert cfg.model_wrapper_cfg == dict(
        type='MMDistributedDataParallel',
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=True)
    assert cfg.model.backbone.norm_cfg == dict(type='BN', eps=1e-3)
    assert cfg.model.heads[0].norm_cfg.type == 'BN'


def test_gpus_are_left_to_mmengine(on_cpu, monkeypatch):
    monkeypatch.setattr(launch, 'get_device', lambda: 'cuda')
    cfg = Config(dict(model=dict(norm_cfg=dict(type='SyncBN'))))
    prepare_launcher(cfg, 'slurm')
    assert not on_cpu and 'model_wrapper_cfg' not in cfg
    assert cfg.model.norm_cfg.type == 'SyncBN'


def test_impossible_launchers(on_cpu, monkeypatch):
    for name in ('slurm', 'mpi'):
        with pytest.raises(UserError, match=f'{name} needs GPUs'):
            prepare_launcher(Config(dict(model={})), name)
    monkeypatch.delenv('RANK')
    with pytest.raises(UserError, match='dist_train.sh'):
        prepare_launcher(Config(dict(model={})), 'pytorch')
    prepare_launcher(Config(dict(model={})), 'none')
    assert not on_cpu


@pytest.mark.parametrize('seed', [0, 5, 2**31, 2**32 - 2**20 - 1, None])
def test_usual_seeds_stay(seed):
    cfg = Config(dict(randomness=dict(seed=seed, deterministic=False)))
    set_seed(cfg)
    assert cfg.randomness == dict(seed=seed, deterministic=False)


@pytest.mark.parametrize('seed', [2**32 - 1, 2**32, -1, 2**40, 10**30])
def test_seeds_of_any_size(seed, monkeypatch):
    """numpy takes the seed in every process; a replaced one is logged."""
    told = []
    monkeypatch.setattr(launch, 'print_log', lambda text, _: told.append(text))
    cfg = Config(dict(randomness=dict(seed=seed)))
    set_seed(cfg)
    np.random.RandomState(cfg.randomness.seed + 2**20)
    assert (cfg.randomness.seed - seed) % (2**32 - 2**20) == 0
    assert len(told) == 1 and f'(={seed})' in told[0]
    assert str(cfg.randomness.seed) in told[0]


@pytest.mark.parametrize('randomness, words', [
    (dict(seed=True), r'`randomness.seed` \(=True\) must be a whole'),
    (dict(seed=1.0), r'\(=1.0\)'),
    (dict(seed='3'), r"\(='3'\)"),
    (dict(sed=3), 'seed, diff_rank_seed, deterministic'),
    (3, r'`randomness` \(=3\) must be a dict'),
])
def test_seeds_that_are_none(randomness, words):
    with pytest.raises(UserError, match=words):
        set_seed(Config(dict(randomness=randomness)))


def test_no_seed():
    for cfg in (Config({}), Config(dict(randomness=None))):
        set_seed(cfg)
        assert 'randomness' not in cfg
