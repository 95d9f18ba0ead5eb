"""On a GPU the host does not wait in a forward pass."""
from contextlib import contextmanager

import pytest
import torch

import mmrep
from mmrep import keep_kernels
from mmrep.testing import randomize_norms

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason='there is no GPU')
KINDS = [
    mmrep.OREPAConv2d, mmrep.DBBConv2d, mmrep.ACBConv2d, mmrep.RepVGGConv2d,
    mmrep.QARepVGGConv2d, mmrep.OREPAVGGConv2d, mmrep.MobileOneConv2d,
    mmrep.LargeKernelConv2d
]


@contextmanager
def no_waiting():
    """Raise an error if anything makes the host wait."""
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode('error')
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode('default')


@pytest.fixture(params=KINDS)
def layer(request):
    torch.manual_seed(0)
    made = request.param(8, 8, 3, padding=1, bias=True)
    return randomize_norms(made).cuda()


@pytest.fixture
def image():
    return torch.randn(2, 8, 9, 9, device='cuda')


def test_the_instrument(image):
    with no_waiting(), pytest.raises(RuntimeError, match='synchroniz'):
        image.sum().item()


@pytest.mark.parametrize('training', [True, False])
def test_steps(layer, image, training):
    layer.train(training)
    with no_waiting():
        layer(image).sum().backward()


def test_evaluation(layer, image):
    layer.eval()
    with no_waiting(), torch.no_grad():
        layer(image)
        with keep_kernels(layer):
            for _ in range(3):
                layer(image)
        layer.forward_branches(image)


@pytest.mark.parametrize('kind, options',
                         [(mmrep.OREPAResNet, dict(depth=18)),
                          (mmrep.DBBResNet, dict(depth=18)),
                          (mmrep.RepVGGBackbone, dict(arch='A0'))])
def test_backbones(kind, options):
    net, images = kind(**options).cuda(), torch.ones(2, 3, 64, 64).cuda()
    with no_waiting():
        sum(out.mean() for out in net.train()(images)).backward()
        with torch.no_grad(), keep_kernels(net.eval()):
            net(images)
            net(images)


@torch.no_grad()
def test_a_captured_forward(layer, image):
    """A graph computes with the weights as they are, not as they were."""
    layer.eval()
    with torch.cuda.stream(torch.cuda.Stream()):
        for _ in range(3):
            layer(image)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = layer(image)
    image.normal_()
    for tensor in layer.parameters():
        tensor.mul_(1.1)
    graph.replay()
    torch.testing.assert_close(out, layer(image), rtol=1e-2, atol=1e-2)
