"""Fails where an upgrade of torch keeps a convolution's padding elsewhere."""
from torch import nn

from mmrep.compat.convolutions import edges_as_made

GONE = ('Conv2d._reversed_padding_repeated_twice is gone: '
        'mmrep/compat/convolutions.py needs another way to its padding')


def test_edges():
    conv = nn.Conv2d(1, 1, 3, padding=(1, 2), padding_mode='reflect')
    conv.padding = (0, 0)
    assert edges_as_made(conv) == (2, 2, 1, 1), GONE
    conv = nn.Conv2d(1, 1, (2, 4), padding='same')
    assert edges_as_made(conv) == (1, 2, 0, 1), GONE
