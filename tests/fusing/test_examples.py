"""Guesses of a model's inputs."""
import dataclasses

import torch
from torch import nn

from mmrep.cli import build_model, load_config
from mmrep.fusing.examples import (arguments_of, fresh, image_channels, inner,
                                   other_images, random_images, tensors_in,
                                   ways)


def test_channels(tiny_seg):
    cfg = load_config(tiny_seg)
    cfg.model.backbone.in_channels = 4
    assert image_channels(build_model(cfg)) == 4


def test_channels_of_a_focus(tiny_det):
    """The first convolution of YOLOX reads four pixels as one."""
    cfg = load_config(tiny_det)
    cfg.model.backbone = dict(
        type='CSPDarknet', deepen_factor=0.33, widen_factor=0.125)
    model = build_model(cfg)
    assert image_channels(model) == 3
    model.backbone(torch.randn(2, 3, 64, 64))


def test_random_images():
    net = nn.Sequential(nn.Conv2d(5, 4, 3)).double()
    images = [image for image, in random_images(net)]
    assert all(x.shape[:2] == (1, 5) for x in images)
    assert all(x.dtype == torch.float64 for x in images)
    assert len({x.shape for x in images}) == len(images) > 3


def test_other_images():
    for size in (64, 128):
        image = torch.randn(1, 5, size, size).double()
        (other, ), (same, ) = other_images(image)
        assert other.shape[:2] == same.shape[:2] == (2, 5)
        assert size != other.shape[2] > 100 and same.shape[2] == size
        assert other.dtype == torch.float64


@dataclasses.dataclass
class Result:
    value: object


class Slotted:
    __slots__ = ('value', 'empty')


def test_tensors_in_objects():
    x, y, z = torch.randn(3)
    slotted = Slotted()
    slotted.value = z
    deep = Result([x, dict(a=Result(y)), 'text', 3, slotted, nn.ReLU()])
    deep.value.append(deep)  # a cycle
    assert [t is s for t, s in zip(tensors_in(deep), (x, y, z))] == [True] * 3
    assert len(tensors_in(deep)) == 3 and tensors_in(None) == []


def test_arguments():
    x = torch.randn(1)
    assert arguments_of(x) == (x, ) and arguments_of([x, 1]) == (x, 1)
    copied, = fresh(([x, dict(a=x)], ))
    copied[1]['a'] += 1
    copied[0] += 1
    assert x.equal(arguments_of(x)[0]) and not copied[0].equal(x)


def test_inner():
    net = nn.ReLU()
    assert inner(nn.DataParallel(nn.DataParallel(net))) is net


def test_ways_of_hosts(tiny_det):
    model = build_model(load_config(tiny_det))
    assert len(ways(model)) == 2 and ways(model.backbone) == [model.backbone]
