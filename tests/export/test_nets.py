"""Trained and fused nets are loaded with all that is known of them."""
import pytest
import torch
from torch import nn

import mmrep
from mmrep.deploy import relative_difference, write_fused
from mmrep.deploy.stock_config import plain_config
from mmrep.errors import UserError
from mmrep.export.nets import (comparison_of, exportable, load_nets,
                               reference_of)
from mmrep.export.onnx_check import Traced
from mmrep.export.onnx_export import to_onnx
from mmrep.export.onnx_input import Preprocessing
from mmrep.export.onnx_pool import MatrixPool
from mmrep.hosts import build_model, load_config
from mmrep.nets.walk import rep_layers
from mmrep.testing import randomize_norms

X = torch.randn(2, 3, 32, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope='module')
def files(tiny_seg, tmp_path_factory):
    """A checkpoint, and the files that tools/fuse.py makes of it."""
    folder = tmp_path_factory.mktemp('nets')
    cfg = load_config(tiny_seg)
    torch.manual_seed(0)
    model = randomize_norms(build_model(cfg)).eval()
    torch.save(dict(state_dict=model.state_dict()), folder / 'net.pth')
    fused = mmrep.fuse(model)
    out = str(folder / 'fused.pth')
    config = write_fused(out, dict(state_dict=fused.state_dict()),
                         plain_config(cfg))
    return str(folder / 'net.pth'), config, out


@torch.no_grad()
def logits_of(function):
    logits, = function(X)
    return logits


def test_all_ways_are_the_same_net(tiny_seg, files):
    net, config, fused = files
    trained = load_nets(tiny_seg, net)
    part = exportable(trained, 'whole')
    expected = logits_of(reference_of(trained, part))
    alone, known = load_nets(config, fused), load_nets(config, fused, tiny_seg)
    assert alone.rich is None
    for nets in (trained, alone, known):
        assert not any(rep_layers(nets.plain)) and not nets.plain.training
        for function in (reference_of(nets, part), exportable(nets, 'whole')):
            assert relative_difference(expected, logits_of(function)) < 1e-5
    for nets in (trained, known):
        assert any(rep_layers(nets.rich)) and not nets.rich.training


def test_the_reference_keeps_its_pools(files):
    """The reference has torch's pools, the exported net has matrices."""
    _, config, fused = files
    nets = load_nets(config, fused)
    nets.plain.backbone.pool = pool = nn.AdaptiveAvgPool2d(2)
    part = exportable(nets, 'whole')
    assert type(part.model.backbone.pool) is MatrixPool
    ran = []
    nets.plain.backbone.register_forward_hook(
        lambda backbone, *_: ran.append(backbone.pool))
    logits_of(reference_of(nets, part))
    assert ran == [pool]


def test_other_architectures_are_refused(tiny_seg, tiny_det, files):
    net, config, fused = files
    with pytest.raises(UserError, match='another architecture'):
        load_nets(tiny_det, net)
    with pytest.raises(UserError, match='another architecture'):
        load_nets(config, fused, tiny_det)


@pytest.mark.parametrize('labels', [False, True])
@torch.no_grad()
def test_images(tiny_seg, files, labels):
    """Files that take images are compared with the host's preprocessing."""
    pytest.importorskip('onnxruntime')
    nets = load_nets(tiny_seg, files[0])
    part = exportable(nets, 'whole', labels=labels, preprocess=True)
    preprocessor = nets.rich.data_preprocessor
    preprocessor.test_cfg = dict(size_divisor=32)
    images = part.takes.draw((1, 33, 65, 3), 0)
    *_, found = reference_of(nets, part)(images)
    assert found.shape == ((1, 33, 65) if labels else (1, 19, 33, 65))
    compare = comparison_of(nets, part)
    data = to_onnx(part, (1, 33, 65, 3))
    traced = Traced([(1, 33, 65, 3)], (), kind=part.takes)
    # the exported net does not pad, as its own preprocessor says
    fault = compare(data, traced, None).fault
    assert fault and ('labels' in fault) == labels
    part.preprocessing = Preprocessing(preprocessor)
    data = to_onnx(part, (1, 33, 65, 3))
    assert compare(data, traced, None).fault is None
