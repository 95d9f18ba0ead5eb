"""Some random cases pass, and the fuzzer finds broken code."""
import importlib.util
from pathlib import Path
from random import Random

import pytest
import torch
from torch import nn

import mmrep
from mmrep.layers import staged
from mmrep.layers.seen_statistics import SeenStatistics

from .cases import Case
from .run import CHECKS, MUTATIONS, Subject, attempt, check, mutate, run_case

ROOT = Path(__file__).parents[2]
SEED, CASES, CHUNK = 0, 160, 20
KEEP = {'threads'}  # a kernel that is never made anew passes
SHAPE = dict(
    in_channels=4,
    out_channels=4,
    kernel_size=(3, 3),
    stride=(1, 1),
    padding=(1, 1),
    dilation=(1, 1),
    groups=1,
    bias=True,
    padding_mode='zeros')


@pytest.mark.parametrize('start', range(0, CASES, CHUNK))
def test_random_cases(start):
    for index in range(start, start + CHUNK):
        result = run_case(SEED, index)
        assert not result.failed, (
            f'.dev_scripts/fuzz.py --seed {SEED} --only {index}', result)


def subjects(count=4):
    for seed in range(count):
        case = Case(mmrep.DBBConv2d, SHAPE,
                    dict(norm_cfg=dict(type='BN', eps=.01)), torch.float32,
                    (5, 6), 'random', seed)
        yield Subject(case, Random(seed))


def faults(run, name):
    return [attempt(lambda: run(subject, name)) for subject in subjects()]


@pytest.mark.parametrize('name', list(CHECKS))
def test_passes_what_is_right(name):
    assert not any(faults(check, name))


@pytest.mark.parametrize('name', sorted(MUTATIONS.keys() - KEEP))
def test_finds_a_kernel_that_is_kept(name, monkeypatch):

    def forward(layer, x):
        if 'kept' not in vars(layer):
            layer.kept = [layer.fuse()]
        return layer.kept[0](x)

    monkeypatch.setattr(mmrep.RepConv2d, 'forward', forward)
    assert any(faults(mutate, name))


def _no_eps(norm, statistics=None):
    scale = norm.weight / norm.running_var.sqrt()
    return scale, norm.bias - norm.running_mean * scale


def _no_bias(layer):
    conv = fuse(layer)
    conv.bias = None
    return conv


def _fixed_edge(branch, x):
    return edge(branch, x).detach()


def _all_zeros(branch, x):
    return torch.zeros_like(edge(branch, x))


def _no_offset(seen, x, *args):
    return torch.zeros_like(x[0, :, 0, 0])


def _all_train(layer, mode=True):
    return nn.Module.train(layer, True)


fuse, edge = mmrep.RepConv2d.fuse, staged.Staged.edge
BROKEN = [
    ('eval', mmrep.kernel, 'norm_affine', _no_eps),
    ('fuse()', mmrep.RepConv2d, 'fuse', _no_bias),
    ('branch by branch', staged.Staged, 'edge', _all_zeros),
    ('training', SeenStatistics, 'offset', _no_offset),
    ('gradients', staged.Staged, 'edge', _fixed_edge),
    ('.train(), .eval()', mmrep.RepConv2d, 'train', _all_train),
]


@pytest.mark.parametrize('name, owner, attribute, broken', BROKEN)
def test_finds_what_is_broken(name, owner, attribute, broken, monkeypatch):
    monkeypatch.setattr(owner, attribute, broken)
    assert any(faults(check if name in CHECKS else mutate, name))


@pytest.fixture
def main():
    """Return the command, run in this process."""
    path = ROOT / '.dev_scripts' / 'fuzz.py'
    spec = importlib.util.spec_from_file_location('fuzz_command', path)
    command = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(command)
    return command.main


def test_command(main, monkeypatch, capsys):
    assert main(['--cases', '2', '--seed', '7', '--processes', '1']) == 0
    assert 'seed 7: 0 of 2 cases failed, 30 steps' in capsys.readouterr().out
    monkeypatch.setattr(mmrep.RepConv2d, 'fuse', lambda layer: nn.Identity())
    assert main(['--seed', '7', '--only', '1']) == 1
    out = capsys.readouterr().out
    assert 'fuse()' in out and '--seed 7 --only 1' in out
