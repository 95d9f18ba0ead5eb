"""Tests of tools/train.py and tools/dist_train.sh."""
import json
import os
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmrep.checkpoints import read_checkpoint

from ..forking import run_forked
from .processes import run

TOOLS = Path(__file__).parents[2] / 'tools'


def losses(work_dir, which=-1):
    """Read the losses that one run logged, by iteration."""
    logs = sorted(work_dir.glob('*/vis_data/scalars.json'))
    rows = map(json.loads, logs[which].read_text().splitlines())
    return {row['iter']: row['loss'] for row in rows if 'loss' in row}


@pytest.fixture(scope='module')
def trained(tiny_seg, tmp_path_factory):
    """Work dir of two iterations, run elsewhere with a relative path."""
    cwd = tmp_path_factory.mktemp('elsewhere')
    status, text = run_forked(
        sys.executable,
        TOOLS / 'train.py',
        os.path.relpath(tiny_seg, cwd),
        cwd=cwd)
    assert status == 0, text[-2000:]
    return cwd / 'work_dirs' / 'tiny_seg'


def test_resumes_as_if_never_stopped(trained, tiny_seg, load_tool, tmp_path):
    main = load_tool('train').main
    longer = ['--cfg-options', 'train_cfg.max_iters=4']
    main([tiny_seg, '--work-dir', str(tmp_path / 'straight'), *longer])
    status, text = run_forked(sys.executable, TOOLS / 'train.py', tiny_seg,
                              '--work-dir', tmp_path / 'resumed', '--resume',
                              trained / 'iter_2.pth', *longer)
    assert status == 0, text[-2000:]
    assert 'resumed epoch: 0, iter: 2' in text

    straight = losses(tmp_path / 'straight')
    assert list(straight) == [1, 2, 3, 4]
    assert list(losses(trained)) == [1, 2]
    together = {**losses(trained), **losses(tmp_path / 'resumed')}
    assert list(losses(tmp_path / 'resumed')) == [3, 4]
    assert together == pytest.approx(straight, rel=1e-5)
    weights = [
        read_checkpoint(str(tmp_path / d / 'iter_4.pth'))['state_dict']
        for d in ('straight', 'resumed')
    ]
    for name in weights[0]:
        torch.testing.assert_close(weights[0][name], weights[1][name])


@pytest.mark.parametrize('tiny', ['tiny_det', 'tiny_cls'])
def test_other_hosts_and_auto_resume(request, tiny, load_tool, tmp_path):
    config = request.getfixturevalue(tiny)
    main = load_tool('train').main
    arguments = [
        config, '--work-dir',
        str(tmp_path), '--resume', '--auto-scale-lr', '--cfg-options',
        'auto_scale_lr.base_batch_size=4'
    ]
    main(arguments)  # there is nothing to resume from yet
    assert (tmp_path / 'iter_2.pth').is_file()
    main([
        *arguments, 'train_cfg.max_iters=3', 'experiment_name=again',
        'default_hooks.checkpoint.interval=3'
    ])
    last = read_checkpoint(str(tmp_path / 'iter_3.pth'))
    assert last['meta']['iter'] == 3
    assert last['optimizer']['param_groups'][0]['initial_lr'] == 0.005


def test_in_a_process(tiny_seg, tmp_path):
    done = run(
        sys.executable,
        TOOLS / 'train.py',
        os.path.relpath(tiny_seg, tmp_path),
        cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'Warning' not in done.stderr  # not even of other packages
    assert list(losses(tmp_path / 'work_dirs' / 'tiny_seg')) == [1, 2]


def test_two_processes(tiny_seg, free_port, tmp_path):
    """dist_train.sh works on the CPU, even for a config with SyncBN."""
    arguments = (2, '--work-dir', tmp_path / 'work', '--cfg-options',
                 'model.backbone.norm_cfg.type=SyncBN')
    done = run(
        TOOLS / 'dist_train.sh',
        tiny_seg,
        *arguments,
        cwd=tmp_path,
        PORT=free_port)
    assert done.returncode == 0, done.stderr[-3000:]
    assert 'Distributed training: True' in done.stdout
    assert 'GPU number: 2' in done.stdout
    assert list(losses(tmp_path / 'work')) == [1, 2]
    weights = read_checkpoint(str(tmp_path / 'work' /
                                  'iter_2.pth'))['state_dict']
    assert not any(k.startswith('module.') for k in weights)


def test_scripts_tell_their_usage(tmp_path):
    for name in ('dist_train', 'dist_test', 'slurm_train'):
        done = run(TOOLS / f'{name}.sh', 'one', cwd=tmp_path)
        assert done.returncode == 2 and 'usage: ' in done.stderr


def test_bad_input_in_a_process(tiny_seg, tmp_path):
    status, text = run_forked(
        sys.executable,
        TOOLS / 'train.py',
        tiny_seg,
        '--cfg-options',
        'train_dataloader.dataset.data_root=data/shapes/x',
        cwd=tmp_path)
    assert status == 1 and 'Traceback' not in text
    told = [x for x in text.splitlines() if x.startswith('error: ')]
    assert len(told) == 1 and 'data/shapes/x' in told[0]
    assert 'make_shapes.py data/shapes`' in told[0]
    assert not any(tmp_path.iterdir())


BAD = dict(
    no_config=(['none.py'], 'none.py'),
    amp=(['{seg}', '--amp'], '--amp', 'GPU'),
    amp_config=([
        '{seg}', '--cfg-options', 'optim_wrapper.type=AmpOptimWrapper'
    ], 'GPU'),
    amp_other=([
        '{seg}', '--amp', '--cfg-options', 'optim_wrapper.type=MyWrapper'
    ], 'MyWrapper'),
    amp_nothing=(['{seg}', '--amp', '--cfg-options',
                  'optim_wrapper=None'], 'has no `optim_wrapper`'),
    auto_scale_lr=(['{seg}', '--auto-scale-lr'], 'base_batch_size'),
    dataset=(['{det}', '--cfg-options',
              'val_evaluator.ann_file=gone.json'], 'gone.json'),
    no_train=(['{seg}', '--cfg-options', 'train_cfg=None'], '`train_cfg`'),
    model=(['{seg}', '--cfg-options', 'model.backbone.depth=19'], '19'),
    optimizer=(['{seg}', '--cfg-options',
                'optim_wrapper.optimizer.type=Foo'], '`optim_wrapper`', 'Foo'),
    efficient=(['{seg}', '--cfg-options', 'efficient_conv_bn_eval=True'],
               '`efficient_conv_bn_eval`', 'leave it out'),
    frozen=([
        '{cls}', '--cfg-options', 'model.backbone.type=ResNet',
        'model.backbone.conv_cfg.type=DBBConv2d',
        'model.backbone.frozen_stages=1'
    ], "fixes 'backbone.conv1'", '`norm_eval=True`'),
    launcher=(['{seg}', '--launcher', 'pytorch'], 'dist_train.sh'),
    no_resume=(['{seg}', '--resume', 'gone.pth'], 'gone.pth'),
    no_load=(['{seg}', '--cfg-options', 'load_from=gone.pth'], 'gone.pth'),
    fits_nothing=(['{seg}', '--cfg-options', 'load_from={foreign}'],
                  '{foreign}', 'nothing would be loaded'),
    fits_no_backbone=(['{seg}', '--cfg-options', 'model.pretrained={foreign}'],
                      '{foreign}', 'nothing would be loaded'),
    fits_empty=(['{seg}', '--cfg-options',
                 'load_from={empty}'], '{empty}', 'it is empty'),
    fits_no_shape=(['{seg}', '--cfg-options', 'model.pretrained={shapes}'],
                   '{shapes}', 'nothing would be loaded'),
    damaged=(['{seg}', '--resume',
              '{damaged}'], '{damaged}', "'message_hub'", 'damaged'),
    work_dir=(['{seg}', '--work-dir', '{cut}/a'], '--work-dir', '{cut}'),
    own_config=(['{seg}', '--work-dir', '{seg}/..'], 'written over'),
    value=(['{seg}', '--cfg-options',
            'train_cfg=foo'], "`train_cfg` (='foo')", 'must be a dict'),
    priority=([
        '{seg}', '--cfg-options', 'default_hooks.logger.priority=HIGHEST_OF'
    ], '`default_hooks.logger.priority`', 'VERY_HIGH'),
    template=([
        '{seg}', '--cfg-options', 'default_hooks.checkpoint.filename_tmpl=5'
    ], '`default_hooks.checkpoint.filename_tmpl` (=5)'),
    truncated=(['{seg}', '--resume', '{cut}'], '{cut}', 'truncated'),
    weights_only=(['{seg}', '--resume', '{bare}'], '{bare}', 'load_from='),
    other=(['{det}', '--resume', '{seg_checkpoint}'], 'another architecture',
           'missing', 'unexpected'))


@pytest.mark.parametrize('case', BAD)
def test_bad_input(case, trained, tiny_seg, tiny_det, tiny_cls, load_tool,
                   tmp_path, monkeypatch, capsys):
    checkpoint = trained / 'iter_2.pth'
    cut, bare = tmp_path / 'cut.pth', tmp_path / 'bare.pth'
    cut.write_bytes(checkpoint.read_bytes()[:3000])
    whole = read_checkpoint(str(checkpoint))
    torch.save(whole['state_dict'], bare)
    foreign, damaged = tmp_path / 'foreign.pth', tmp_path / 'damaged.pth'
    torch.save(dict(state_dict={'foo.weight': torch.ones(3)}), foreign)
    torch.save({**whole, 'message_hub': 5}, damaged)
    empty, shapes = tmp_path / 'empty.pth', tmp_path / 'shapes.pth'
    torch.save(dict(state_dict={}), empty)
    start = 'backbone.'
    torch.save(
        {
            k[len(start):]: v[None]
            for k, v in whole['state_dict'].items() if k.startswith(start)
        }, shapes)
    cwd = tmp_path / 'cwd'
    cwd.mkdir()
    monkeypatch.chdir(cwd)
    monkeypatch.delenv('RANK', raising=False)
    names = dict(
        seg=tiny_seg,
        det=tiny_det,
        cls=tiny_cls,
        cut=cut,
        bare=bare,
        foreign=foreign,
        empty=empty,
        shapes=shapes,
        damaged=damaged,
        seg_checkpoint=checkpoint)
    arguments, *parts = BAD[case]
    with pytest.raises(SystemExit) as exit_:
        load_tool('train').main([a.format(**names) for a in arguments])
    assert exit_.value.code == 1
    told = [
        x for x in capsys.readouterr().err.splitlines()
        if x.startswith('error: ')
    ]
    assert len(told) == 1
    for part in parts:
        assert part.format(**names) in told[0]
    assert not any(cwd.iterdir())


def test_a_seed_of_any_size_and_what_would_be_lost(tiny_cls, load_tool,
                                                   tmp_path, built):
    """Workers start, too, which add their number to the seed."""
    load_tool('train').main([
        tiny_cls, '--work-dir',
        str(tmp_path / 'run'), '--cfg-options', 'randomness.seed=4294967295',
        'train_dataloader.num_workers=1',
        'default_hooks.checkpoint.max_keep_ckpts=1', 'custom_imports=None',
        'train_cfg.max_iters=1', 'default_hooks.checkpoint.interval=1'
    ])
    log = next(tmp_path.glob('run/*/*.log')).read_text()
    told = [x for x in log.splitlines() if 'max_keep_ckpts` (=1)' in x]
    assert len(told) == 1 and 'WARNING' in told[0]
    assert len(built) == 2  # by the preflight and by the Runner
    dumped = Config.fromfile(tmp_path / 'run' / 'tiny_cls.py')
    assert dumped.custom_imports.imports == ['mmrep']
    assert dumped.randomness.seed == 2**32 - 1 - (2**32 - 2**20)


def test_resuming_after_a_damaged_checkpoint(trained, tiny_seg, load_tool,
                                             tmp_path, capsys):
    """The error names one to resume from, and nothing is written."""
    work_dir = tmp_path / 'run'
    work_dir.mkdir()
    whole = (trained / 'iter_2.pth').read_bytes()
    (work_dir / 'iter_2.pth').write_bytes(whole)
    (work_dir / 'iter_4.pth').write_bytes(whole[:3000])
    (work_dir / 'last_checkpoint').write_text(str(work_dir / 'iter_4.pth'))
    with pytest.raises(SystemExit):
        load_tool('train').main(
            [tiny_seg, '--work-dir',
             str(work_dir), '--resume'])
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith('error: ') and 'truncated' in error
    assert f"--resume {work_dir / 'iter_2.pth'}" in error
    assert len(list(work_dir.iterdir())) == 3
