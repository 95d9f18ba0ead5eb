"""Torch's upsampling equals mmseg's where it takes its place."""
import pytest
import torch
from mmseg.models.utils import Upsample
from torch import nn

from mmrep.export.upsampling import with_torch_upsampling


@pytest.mark.parametrize('align', [False, True])
@pytest.mark.parametrize('size', [(4, 6), (5, 1)])
def test_equals_mmseg(align, size):
    own = Upsample(scale_factor=2, mode='bilinear', align_corners=align)
    net = with_torch_upsampling(nn.Sequential(own))
    assert type(net[0]) is nn.Upsample
    x = torch.randn(2, 3, *size)
    torch.testing.assert_close(net(x), own(x))


def test_what_stays():
    """Fixed sizes, factors that are not whole, and torch's own."""
    layers = [
        Upsample(size=(4, 4)),
        Upsample(scale_factor=1.5),
        Upsample(scale_factor=(2, 2)),
        nn.Upsample(scale_factor=2)
    ]
    assert list(with_torch_upsampling(nn.Sequential(*layers))) == layers


def test_upsampling_alone():
    assert type(with_torch_upsampling(Upsample(scale_factor=2))) is nn.Upsample
