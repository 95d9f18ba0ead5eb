"""Tests of mmrep/cli/launch.py; real launches are in tests/tools."""
import argparse
import os

import pytest
import torch
from mmengine.config import Config

from mmrep.cli import (UserError, add_common_arguments, launch, load_config,
                       prepare_launcher, set_loader_defaults, set_work_dir)


def parse(*argv):
    parser = argparse.ArgumentParser()
    add_common_arguments(parser)
    return parser.parse_args(argv)


def test_arguments(capsys):
    args = parse('--cfg-options', 'a.b=1', 'c=[1,2]', '--local-rank', '3')
    assert args.cfg_options == {'a.b': 1, 'c': [1, 2]}
    assert args.local_rank == 3 and args.launcher == 'none'
    with pytest.raises(SystemExit):
        parse('--cfg-options', 'model')
    assert "takes key=value, got 'model'" in capsys.readouterr().err


def test_work_dir(tiny_seg):
    cfg = load_config(tiny_seg)
    set_work_dir(cfg, None)
    assert cfg.work_dir == os.path.join('work_dirs', 'tiny_seg')
    cfg.work_dir = 'mine'
    set_work_dir(cfg, None)
    assert cfg.work_dir == 'mine'
    set_work_dir(cfg, 'flag')
    assert cfg.work_dir == 'flag'


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
    """Pretend that torchrun started a CPU process; return calls of init."""
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
