"""Small nets of the configs train, step by step, as the official code did.

The files hold results of the official code in float64: initial weights, as
float16, which float64 holds exactly; the factors of learning rate and decay
that the official script gives each parameter; the losses of 20 steps of SGD;
a few weights after 1, 5 and 20 steps; and ``noise``, the change of the
official losses when each initial weight changes by its last bit.
"""
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper

from mmrep.checkpoints import convert
from mmrep.cli import build_model, load_config
from mmrep.layers.staged import Staged

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT.parent / 'configs'
DATA = ROOT / 'data' / 'trajectories'
LR = .02
DECAY = 1e-4
BAR = 1e-9
AFTER = (1, 5, 20)


class Net(NamedTuple):
    config: str
    backbone: dict
    channels: int


SMALL_VGG = dict(num_blocks=(1, 2, 2, 1), width_factor=(.125, ) * 4)
NETS = {
    'orepa_r18':
    Net('orepa_r18_imagenet', dict(base_channels=4), 32),
    'dbb_r18':
    Net('dbb_r18_imagenet_own', dict(base_channels=4), 32),
    'orepavgg':
    Net('orepavgg_a0_imagenet', dict(arch=SMALL_VGG), 64),
    'repvgg':
    Net('repvgg_a0_imagenet', dict(arch=dict(**SMALL_VGG, groups=2)), 64),
}


def part(official, name):
    """Return the arrays of a part of a file, as float64, by official name."""
    return {
        key.partition('/')[2]: torch.from_numpy(official[key]).double()
        for key in official if key.startswith(f'{name}/')
    }


def ours(official_names):
    """Convert official weights to mmrep's names."""
    return convert(official_names, target='classifier')


@pytest.fixture(scope='module')
def batches():
    with np.load(DATA / 'batches.npz') as arrays:
        images = torch.from_numpy(arrays['images']).double() / 64 - 2
        return list(zip(images, torch.from_numpy(arrays['labels'])))


def build(net):
    """Build a small net of the config, and the optimizer of the config."""
    cfg = load_config(str(CONFIGS / f'{net.config}.py'))
    cfg.model.backbone.update(net.backbone)
    cfg.model.head.update(num_classes=10, in_channels=net.channels)
    cfg.optim_wrapper.optimizer.lr = LR
    model = build_model(cfg).double()
    return model, build_optim_wrapper(model, cfg.optim_wrapper).optimizer


def train(model, optimizer, batches):
    """Return the losses of 20 steps, and the weights after some of them."""
    losses, states = [], {}
    for step in range(1, max(AFTER) + 1):
        images, labels = batches[(step - 1) % len(batches)]
        loss = F.cross_entropy(model(images), labels)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in AFTER:
            states[step] = {
                name: tensor.clone()
                for name, tensor in model.state_dict().items()
            }
    return np.array(losses), states


@pytest.fixture
def padding_value_without_gradient(monkeypatch):
    """Cut the gradient of the padding in DBB, as the official code does."""
    edge = Staged.edge
    monkeypatch.setattr(Staged, 'quick', lambda *_: None)  # it has no such cut
    monkeypatch.setattr(Staged, 'edge', lambda self, x: edge(self, x).detach())


@pytest.mark.parametrize('name', NETS)
def test_trajectory(name, batches, padding_value_without_gradient):
    with np.load(DATA / f'{name}.npz') as arrays:
        official = dict(arrays)
    assert official['noise'].max() < BAR  # the compared losses are not chaotic
    start = part(official, 'start')
    model, optimizer = build(NETS[name])
    model.load_state_dict(ours(start), strict=False)
    check_groups(official, start, model, optimizer)
    losses, states = train(model.train(), optimizer, batches)
    assert np.abs(losses - official['losses']).max() < BAR
    for step in AFTER:
        weights = part(official, f'after{step}')
        expected, plain = ours({**start, **weights}), ours(start)
        compared = [n for n in expected if not expected[n].equal(plain[n])]
        assert len(compared) >= len(weights) - 2
        for key in compared:
            torch.testing.assert_close(
                states[step][key], expected[key], rtol=BAR, atol=BAR)


def check_groups(official, start, model, optimizer):
    """Check that each parameter has the factors of the official script."""
    factors = dict(zip(official['groups/names'], official['groups/factors']))
    groups = {p: g for g in optimizer.param_groups for p in g['params']}
    expected = [
        ours({
            k: torch.full_like(v, factors[k][i]) if k in factors else v
            for k, v in start.items()
        }) for i in range(2)
    ]
    for name, p in model.named_parameters():
        # a turned stem has some negative filters
        lr, decay = [v[name].abs().unique().item() for v in expected]
        assert groups[p]['lr'] == pytest.approx(LR * lr), name
        assert groups[p]['weight_decay'] == pytest.approx(decay), name
