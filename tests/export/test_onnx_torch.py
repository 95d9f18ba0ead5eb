"""Torch's own traces and exported programs of fused nets."""
import io

import pytest
import torch
from mmengine.registry import MODELS, init_default_scope

import mmrep
from mmrep.cli import build_model, load_config
from mmrep.deploy import relative_difference
from mmrep.nets.walk import branch_by_branch, rep_layers
from mmrep.testing import randomize_norms

X = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
BATCHES = (X, X.repeat(2, 1, 1, 1)[:3] * 2)


def small(name):
    """Build one of the backbones by itself."""
    init_default_scope('mmdet')
    options = dict(
        OREPAResNet=dict(depth=18, base_channels=4),
        DBBResNet=dict(depth=18, base_channels=4),
        RepVGGBackbone=dict(arch='A0', base_channels=4))[name]
    return MODELS.build(dict(type=name, **options))


def of_host(config, request):
    """Build the backbone of a whole model."""
    return build_model(load_config(request.getfixturevalue(config))).backbone


@pytest.fixture(
    scope='module',
    params=[
        'OREPAResNet', 'DBBResNet', 'RepVGGBackbone', 'tiny_seg', 'tiny_det',
        'tiny_cls'
    ])
def backbone(request):
    """A fused backbone, batches and the features of its training form."""
    name = request.param
    torch.manual_seed(0)
    rich = of_host(name, request) if name.startswith('tiny') else small(name)
    randomize_norms(rich).eval()
    assert any(rep_layers(rich))
    with torch.no_grad(), branch_by_branch(rich):
        expected = [rich(x) for x in BATCHES]
    return mmrep.fuse(rich), expected


@torch.no_grad()
def check(function, expected):
    for x, features in zip(BATCHES, expected):
        for a, b in zip(features, function(x)):
            assert relative_difference(a, b) < 1e-5


def test_trace(backbone):
    """The trace goes through a file, as for C++."""
    fused, expected = backbone
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(fused, X), file)
    file.seek(0)
    check(torch.jit.load(file), expected)


@pytest.mark.skipif(
    not hasattr(torch, 'export') or not hasattr(torch.export, 'Dim'),
    reason='torch has no such export')
def test_export(backbone):
    fused, expected = backbone
    batch = torch.export.Dim('batch', min=2, max=16)
    program = torch.export.export(fused, (X, ), dynamic_shapes=({0: batch}, ))
    check(program.module(), expected)


def test_script():
    """Only layers: mmengine's BaseModule itself cannot be scripted."""
    torch.manual_seed(0)
    layer = mmrep.OREPAConv2d(4, 6, 3, padding=1)
    x = torch.randn(2, 4, 9, 9)
    scripted = torch.jit.script(mmrep.fuse(layer.eval()))
    assert relative_difference(layer.forward_branches(x), scripted(x)) < 1e-5
