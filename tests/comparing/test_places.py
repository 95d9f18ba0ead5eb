"""Devices, and the commands that start processes there."""
import os
import sys

import pytest
import torch

from mmrep.comparing.places import Launch, Place, places_of
from mmrep.comparing.plan import Run
from mmrep.errors import UserError

RUN = Run('net', 3, None, 'work/net/seed_3')


@pytest.fixture
def gpus(monkeypatch):
    """Let this machine have four GPUs."""
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 4)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(os, 'cpu_count', lambda: 8)


def test_one_run_on_each_gpu(gpus):
    places = places_of('0,1,3')
    assert [p.environment for p in places
            ] == [dict(CUDA_VISIBLE_DEVICES=gpu) for gpu in '013']


def test_several_gpus_for_a_run(gpus):
    places = places_of('0,1,2,3', processes=2)
    assert [p.environment['CUDA_VISIBLE_DEVICES']
            for p in places] == ['0,1', '2,3']


def test_a_gpu_for_two_runs(gpus):
    assert len(places_of('0,0')) == 2


def test_shares_of_the_cores(gpus, monkeypatch):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    places = places_of('cpu,cpu,cpu')
    assert len(places) == 3
    assert places[0].environment == dict(
        CUDA_VISIBLE_DEVICES='', OMP_NUM_THREADS='2')
    assert 'OMP_NUM_THREADS' not in places_of('cpu')[0].environment
    monkeypatch.setenv('OMP_NUM_THREADS', '1')  # the user's is kept
    assert 'OMP_NUM_THREADS' not in places_of('cpu,cpu')[0].environment


def test_the_usual_place(gpus, monkeypatch):
    assert places_of(None)[0].devices == ('0', )
    assert places_of(None, 2)[0].devices == ('0', '1')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    assert places_of(None)[0].devices == ('cpu', )


def test_slurm_finds_its_devices():
    assert Place(()).environment == {}


@pytest.mark.parametrize('text, processes, why', [
    ('7', 1, "names '7'.*cpu, 0, 1, 2, 3"), ('0,', 1, "names ''"),
    ('gpu', 1, "names 'gpu'"), ('cpu,0', 1, 'mixes'),
    ('0,1,2', 2, 'no multiple of --processes')])  # yapf: disable
def test_wrong_devices(gpus, text, processes, why):
    with pytest.raises(UserError, match=why):
        places_of(text, processes)


def test_a_plain_command():
    launch = Launch('tools')
    assert launch.train(RUN, None) == [
        sys.executable, 'tools/train.py', 'work/net/seed_3.py', '--work-dir',
        'work/net/seed_3'
    ]
    assert launch.train(RUN, 'iter_5.pth')[-2:] == ['--resume', 'iter_5.pth']
    assert launch.finish(RUN)[1:] == [
        '-m', 'mmrep.comparing.finishing', 'work/net/seed_3.py',
        'work/net/seed_3'
    ]


def test_torchrun():
    command = Launch('tools', 'pytorch', 2).train(RUN, None)
    assert command[1:5] == [
        '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2'
    ]
    assert command[-2:] == ['--launcher', 'pytorch']


def test_slurm(monkeypatch):
    monkeypatch.setenv('SRUN_ARGS', "--quotatype='reserved now'")
    monkeypatch.setenv('GPUS_PER_NODE', '4')
    monkeypatch.delenv('CPUS_PER_TASK', raising=False)
    launch = Launch('tools', 'slurm', 8, 'gpus')
    command = launch.train(RUN, None)
    assert command[:10] == [
        'srun', '-p', 'gpus', '--job-name=net-3', '--gres=gpu:4', '--ntasks=8',
        '--ntasks-per-node=4', '--cpus-per-task=5', '--kill-on-bad-exit=1',
        '--quotatype=reserved now'
    ]
    assert command[-2:] == ['--launcher', 'slurm']
    finish = launch.finish(RUN)
    assert '--ntasks=1' in finish and '--launcher' not in finish


def test_launchers_that_are_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(UserError, match='needs --launcher'):
        Launch('tools', 'none', 2).check()
    with pytest.raises(UserError, match='needs --partition'):
        Launch('tools', 'slurm').check()
    with pytest.raises(UserError, match='needs `srun`'):
        Launch('tools', 'slurm', 1, 'gpus').check()
    (tmp_path / 'srun').touch(0o755)
    Launch('tools', 'slurm', 1, 'gpus').check()
