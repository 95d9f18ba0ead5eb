"""Parts of a net, and norms, that its runs do not reach."""
import pytest
from torch import nn

from .biased import Net, block, directly, fused_of


class Levels(nn.Module):
    """A head that uses the items of its tower by index, as many heads do."""

    def __init__(self, tower):
        super().__init__()
        self.conv, self.tower = nn.Conv2d(4, 4, 1), tower

    def forward(self, x):
        return self.conv(x)

    def head(self, x):
        return self.tower[1](self.tower[0](x).relu())


class Tower(nn.Sequential):
    """A subclass, which is a container as well."""


@pytest.mark.parametrize('kind', [nn.Sequential, Tower])
def test_no_container_is_a_part(kind):
    net = Levels(kind(block(), nn.BatchNorm2d(4)))
    assert fused_of(net).tower[0].bias is not None


class Domains(nn.Module):
    """A net with a norm for each domain."""

    def __init__(self, *norms):
        super().__init__()
        self.conv, self.bns = block(), nn.ModuleList(norms)

    def forward(self, x, domain=0):
        return self.bns[domain](self.conv(x))


@pytest.mark.parametrize('channels, moves', [(4, False), (5, True)])
def test_a_norm_that_no_run_reaches(channels, moves):
    net = Domains(nn.BatchNorm2d(4), nn.BatchNorm2d(channels))
    for model in (net, nn.Sequential(net)):
        fused = fused_of(model)
        conv, = (m for m in fused.modules() if isinstance(m, nn.Conv2d))
        assert (conv.bias is None) == moves


def test_norms_elsewhere_do_not_count():

    class Whole(Levels):

        def forward(self, x):
            return self.tower(x)

    net = Whole(Net(directly))
    net.other = nn.BatchNorm2d(4)
    assert fused_of(net).tower.conv.bias is None
