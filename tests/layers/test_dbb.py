"""DBB and ACB against an independent formula, in training and frozen."""
import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, unfold

from mmrep import ACBConv2d, DBBConv2d
from mmrep.deploy import relative_difference
from mmrep.testing import randomize_norms

SEVEN = ('1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity')
CASES = [
    dict(kernel_size=3, padding=1),
    dict(kernel_size=3, padding=2, dilation=2, groups=2),
    dict(kernel_size=3, padding=4, dilation=4, stride=2),
    dict(kernel_size=5, padding=2, groups=8),
]


def on_canvas(y, padding, norm):
    """Put features on a canvas of the value that the norm makes of zeros."""
    value = norm.bias - norm.weight * norm.running_mean / torch.sqrt(
        norm.running_var + norm.eps)
    n, c, h, w = y.shape
    canvas = value[None, :, None, None].expand(n, c, h + 2 * padding,
                                               w + 2 * padding).clone()
    canvas[:, :, padding:padding + h, padding:padding + w] = y
    return canvas


def window_mean(x, size, stride, dilation):
    """Compute the mean over dilated windows by unfolding."""
    n, c, h, w = x.shape
    span = (size - 1) * dilation + 1
    columns = unfold(x, size, dilation, 0, stride).unflatten(1, (c, -1))
    return columns.mean(2).unflatten(2, ((h - span) // stride + 1,
                                         (w - span) // stride + 1))


def reference(layer, x):
    """Add the seven branches as DBB and DyRep draw them, for square shapes."""
    size, groups = layer.kernel_size[0], layer.groups
    stride, padding = layer.stride[0], layer.padding[0]
    dilation = layer.dilation[0]
    branches = layer.branches

    def conv(x, weight, padding=0, stride=1, dilation=1):
        return conv2d(x, weight, None, stride, padding, dilation, groups)

    middle = padding - dilation * (size // 2)  # kernel on image
    assert middle == 0
    out = layer.norm(conv(x, layer.weight, padding, stride, dilation))
    if '1x1' in branches:
        branch = branches['1x1']
        out = out + branch.norm(conv(x, branch.weight, 0, stride))
    if '1xk' in branches:
        row = conv(x, branches['1xk'].weight, (0, padding), stride, dilation)
        out = out + branches['1xk'].norm(row)
        column = conv(x, branches['kx1'].weight, (padding, 0), stride,
                      dilation)
        out = out + branches['kx1'].norm(column)
    if 'identity' in branches:
        out = out + branches['identity'].norm(x)
    mean = branches['1x1_average']
    if mean.first is None:
        y = nn.functional.pad(x, [padding] * 4)
    else:
        y = mean.first_norm(conv(x, mean.first))
        y = on_canvas(y, padding, mean.first_norm)
    out = out + mean.norm(window_mean(y, size, stride, dilation))
    staged = branches['1x1_kxk']
    first = staged.first
    if len(first) == layer.in_channels:
        eye = torch.zeros_like(first)
        for i in range(len(eye)):
            eye[i, i % eye.size(1)] = 1
        first = first + eye
    y = staged.first_norm(conv(x, first))
    y = on_canvas(y, padding, staged.first_norm)
    return out + staged.norm(conv(y, staged.second, 0, stride, dilation))


def gradients(layer, out, cotangent, x):
    wanted = [x, *layer.parameters()]
    return torch.autograd.grad((out * cotangent).sum(), wanted)


def filled(cls, case, **options):
    torch.manual_seed(0)
    layer = cls(8, 8, bias=False, dtype=torch.float64, **case, **options)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    return randomize_norms(layer)


@pytest.mark.parametrize('train', [True, False])
@pytest.mark.parametrize('branches', [None, SEVEN])
@pytest.mark.parametrize('case', CASES, ids=str)
def test_output_and_gradients(case, branches, train):
    """Gradients are exact also at the borders, unlike the official ones."""
    layer = filled(DBBConv2d, case, branches=branches).train(train)
    x = torch.randn(2, 8, 13, 14, dtype=torch.float64, requires_grad=True)
    twin = filled(DBBConv2d, case, branches=branches).train(train)
    ours, theirs = layer(x), reference(twin, x)
    assert relative_difference(theirs, ours) < 1e-10
    cotangent = torch.randn_like(ours)
    names = ['input', *dict(layer.named_parameters())]
    found = gradients(layer, ours, cotangent, x)
    expected = gradients(twin, theirs, cotangent, x)
    noise = 1e-10 * max(grad.abs().max() for grad in expected)
    for name, a, b in zip(names, expected, found):
        assert (a - b).abs().max() < 1e-9 * a.abs().max() + noise, name
    for (name, a), b in zip(twin.named_buffers(), layer.buffers()):
        torch.testing.assert_close(a, b, msg=name)


def test_default_branches_are_the_papers():
    assert list(DBBConv2d(8, 16,
                          3).branches) == ['1x1', '1x1_kxk', '1x1_average']
    depthwise = DBBConv2d(8, 8, 3, groups=8)
    assert list(depthwise.branches) == ['1x1_kxk', '1x1_average']
    assert len(depthwise.branches['1x1_kxk'].first) == 16
    assert list(DBBConv2d(8, 8, 1).branches) == ['1x1_kxk']


def test_the_1x1_of_1x1_kxk_starts_as_the_identity():
    layer = DBBConv2d(8, 4, 3, groups=2)
    first = layer.branches['1x1_kxk'].first_weight()
    x = torch.randn(1, 8, 4, 4)
    assert torch.equal(conv2d(x, first, groups=2), x)


def test_average_is_a_pooling_layer():
    layer = filled(DBBConv2d, CASES[3])
    branch = layer.branches['1x1_average']
    x = torch.randn(2, 8, 9, 9, dtype=torch.float64)
    ours = branch(x, layer.geometry)
    pooled = branch.norm(avg_pool2d(x, 5, 1, 2))
    assert relative_difference(pooled, ours) < 1e-10


@pytest.mark.parametrize('train', [True, False])
@pytest.mark.parametrize('case', CASES, ids=str)
def test_acb(case, train):
    layer = filled(ACBConv2d, case).train(train)
    twin = filled(ACBConv2d, case).train(train)
    x = torch.randn(2, 8, 13, 14, dtype=torch.float64)
    p, d, s = layer.padding[0], layer.dilation[0], layer.stride[0]
    out = 0
    for norm, weight, padding in (
        (twin.norm, twin.weight, (p, p)),
        (twin.branches['1xk'].norm, twin.branches['1xk'].weight, (0, p)),
        (twin.branches['kx1'].norm, twin.branches['kx1'].weight, (p, 0)),
    ):
        out = out + norm(conv2d(x, weight, None, s, padding, d, layer.groups))
    assert relative_difference(out, layer(x)) < 1e-10
