"""A net that uses its block as a test wants it, and checks of its biases."""
import torch
from torch import nn

import mmrep
from mmrep import RepVGGConv2d
from mmrep.deploy import relative_difference
from mmrep.nets.walk import branch_by_branch
from mmrep.testing import randomize_norms


def block(bias=False):
    return RepVGGConv2d(4, 4, 3, padding=1, bias=bias)


def bias_of(layer):
    """Return a RepVGG block's bias: beta - mean * gamma / sqrt(var + eps)."""
    return sum(n.bias - n.running_mean * n.weight /
               (n.running_var + n.eps).sqrt() for n in layer.modules()
               if isinstance(n, nn.BatchNorm2d)).detach()


@torch.no_grad()
def fused_of(model, x=None, example=None):
    """Return the fused copy in float64, after a check of what it computes."""
    randomize_norms(model.double()).eval()
    fused = mmrep.fuse(model, example)
    x = torch.randn(2, 4, 9, 9).double() if x is None else x
    with branch_by_branch(model):
        expected = model(*x) if isinstance(x, tuple) else model(x)
    actual = fused(*x) if isinstance(x, tuple) else fused(x)
    for a, b in zip(*([y] if isinstance(y, torch.Tensor) else y
                      for y in (expected, actual))):
        assert relative_difference(a, b) < 1e-12
    return fused


class Net(nn.Module):
    """A block and two norms, used as a function says.

    Args:
        use: Function of the net and its input.
        norm: Function that makes the first norm.
        bias: True if the block has a bias of its own.
    """

    def __init__(self, use, norm=nn.BatchNorm2d, bias=False):
        super().__init__()
        self.conv = block(bias)
        self.bn = norm(4)
        # names in inner functions, too; an idle norm keeps biases back
        if 'bn2' in str(
            (use.__code__.co_names,
             [getattr(c, 'co_names', ()) for c in use.__code__.co_consts])):
            self.bn2 = nn.BatchNorm2d(4)
        self.act = nn.ReLU(inplace=True)
        self.other = nn.Conv2d(4, 4, 1)
        self.alone = nn.Sequential(self.conv)
        self.use = use

    def forward(self, *x):
        return self.use(self, *x)


def directly(net, x):
    """Use the block as stock nets do."""
    return net.bn(net.conv(x))


def two_inputs(net, x, y):
    """Take an input for which no guess works."""
    return net.bn(net.conv(x + y))
