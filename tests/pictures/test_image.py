"""Visualizers get the pixels that a file would have."""
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from mmrep import DBBConv2d
from mmrep.pictures.image import as_image, structure_image


def test_pixels():
    figure = Figure(figsize=(2, 1), dpi=10, facecolor='#ff0080')
    image = as_image(figure)
    assert image.dtype == np.uint8 and image.shape == (10, 20, 3)
    assert (image == (255, 0, 128)).all()


def test_structure_of_a_net_that_grew():
    net = nn.Sequential(DBBConv2d(4, 4, 3, branches=('1x1', )))
    record = dict(
        step=4,
        grown='0',
        branches=['1x1'],
        cut=[],
        importances={'0': {
            '1x1': 0.01
        }},
        parameters=[1, 2],
        flops=[3, 4])
    image = structure_image(net.state_dict(), [record])
    assert image.dtype == np.uint8 and image.shape[2] == 3
    assert image.std() > 10
    net[0].branches['1x1'].norm.weight.data *= 1e-3
    other = structure_image(net.state_dict(), [record])
    assert not np.array_equal(image, other)
    assert torch.is_grad_enabled()
