"""Exports agree with torch, and fused nets are as small as plain ones."""
from functools import partial

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from torch import nn

import mmrep
from mmrep.errors import UserError
from mmrep.export.onnx_check import compare_tensors, worst_of_shapes
from mmrep.export.onnx_export import count_nodes, export, other_shapes, to_onnx
from mmrep.export.onnx_parts import Part
from mmrep.nets.walk import branch_by_branch
from mmrep.testing import randomize_norms

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

SHAPE = (2, 3, 64, 64)


class Backbone(nn.Module):
    """A model with nothing but a backbone."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone


def rich_and_plain(**backbone):
    init_default_scope('mmdet')
    torch.manual_seed(0)
    rich = Backbone(randomize_norms(MODELS.build(backbone))).eval()
    return rich, Part(mmrep.fuse(rich), 'backbone')


@pytest.mark.parametrize('kind, options, stock', [
    ('OREPAResNet', dict(depth=18, base_channels=8), 'ResNet'),
    ('DBBResNet', dict(depth=18, base_channels=8), 'ResNet'),
    ('RepVGGBackbone', dict(arch='A0', base_channels=4), None),
])
def test_fused_backbones(kind, options, stock):
    """Files have the host's number of convolutions and free sizes."""
    rich, part = rich_and_plain(type=kind, **options)

    def reference(x):
        with branch_by_branch(rich):
            return rich.backbone(x)

    exported = export(part, partial(compare_tensors, reference), SHAPE)
    traced = exported.traced
    assert traced.free == ('batch', 'height', 'width') and traced.step == 1
    assert len(traced.shapes) == 3
    assert worst_of_shapes(exported.data, reference, traced.shapes) < 1e-5
    counts = count_nodes(exported.data)
    if stock:
        plain = rich_and_plain(type=stock, **options)[1]
        plain = count_nodes(to_onnx(plain, SHAPE))
        assert counts == plain and counts['Conv'] == 20
    else:
        assert counts == dict(Conv=22, Relu=22)


def test_training_form_has_more():
    rich, part = rich_and_plain(
        type='RepVGGBackbone', arch='A0', base_channels=4)
    with branch_by_branch(rich):
        before = count_nodes(to_onnx(Part(rich, 'backbone'), SHAPE))
    assert before['Conv'] == 2 * 22


class Custom(Backbone):
    """A backbone that computes a given function."""

    def __init__(self, function):
        super().__init__(nn.Identity())
        self.backbone.forward = function
        self.eval()


def exported(function, reference=None, shape=SHAPE):
    part = Part(Custom(function), 'backbone')
    return export(part, partial(compare_tensors, reference or part), shape)


def test_sizes_that_the_trace_holds_fast():
    """Axes are free only if the file is right at other sizes."""
    held = exported(lambda x: x * int(x.shape[3])).traced
    assert held.free == ('batch', ) and held.shapes == [SHAPE, (3, 3, 64, 64)]
    held = exported(lambda x: x * int(x.shape[0])).traced
    assert held.free == () and held.shapes == [(1, 3, 64, 64)]


def test_sizes_in_steps():
    """A net that halves its features five times may need multiples of 32."""

    def halved(x):
        small = nn.functional.avg_pool2d(x, 32)
        return x + nn.functional.interpolate(small, scale_factor=32.)

    held = exported(halved, shape=(2, 3, 96, 96)).traced
    assert held.free == ('batch', 'height', 'width') and held.step == 32
    assert held.axes() == 'batch, height, width (in steps of 32 pixels)'
    assert all(h % 32 == w % 32 == 0 for _, _, h, w in held.shapes)


def test_other_shapes_differ():
    batch, _, height, width = np.array(
        other_shapes(SHAPE, ('batch', 'height', 'width'))).T.tolist()
    assert all(len(set(sizes)) > 1 for sizes in (batch, height, width))


def test_what_differs_is_refused():
    with pytest.raises(UserError, match='differ by 9.9e-03 relative'):
        exported(lambda x: x, lambda x: (x * 1.01, ))


def test_an_unknown_operator_is_refused(capfd):
    with pytest.raises(UserError, match='cannot export') as refused:
        exported(lambda x: torch.special.bessel_j0(x))
    assert 'bessel' in str(refused.value)
    assert '\n' not in str(refused.value)
    # torch would print a graph of thousands of lines
    assert capfd.readouterr().out == ''


def test_a_model_that_does_not_run_is_refused():
    with pytest.raises(UserError, match='does not run on an input'):
        exported(lambda x: x @ x[..., :1, :])
