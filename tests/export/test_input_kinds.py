"""Inputs of files: their shapes, and examples of them."""
import torch

from mmrep.export.input_kinds import (IMAGES, TENSORS, axes_of,
                                      other_image_shapes)

FREE = ('batch', 'height', 'width')


def test_layouts():
    assert TENSORS.axes == dict(batch=0, height=2, width=3)
    assert IMAGES.axes == dict(batch=0, height=1, width=2)
    assert axes_of('N') == dict(batch=0)
    assert TENSORS.shape(2, 3, 64, 96) == (2, 3, 64, 96)
    assert IMAGES.shape(2, 3, 64, 96) == (2, 64, 96, 3)
    assert IMAGES.sizes((2, 64, 96, 3)) == (2, 3, 64, 96)


def test_examples():
    images = IMAGES.draw((2, 20, 30, 3), 0)
    assert images.dtype == torch.uint8 and images.shape == (2, 20, 30, 3)
    assert images.min() == 0 and images.max() == 255
    assert images.equal(IMAGES.draw((2, 20, 30, 3), 0))
    assert not images.equal(IMAGES.draw((2, 20, 30, 3), 1))
    assert abs(TENSORS.draw((2, 3, 20, 30), 0).std() - 1) < 0.1


def test_resized():
    images = torch.arange(12, dtype=torch.uint8).view(1, 2, 2, 3)
    twice = IMAGES.resized(images, (4, 4))
    assert twice.equal(images.repeat_interleave(2, 1).repeat_interleave(2, 2))
    x = images.permute(0, 3, 1, 2).float()
    assert TENSORS.resized(x, (2, 2)).equal(x)


def test_others_must_be_padded():
    first, *others, last = other_image_shapes((2, 64, 96, 3), FREE)
    assert first == (2, 64, 96, 3) and last == (3, 64, 96, 3)
    assert len(set(others)) == 3
    for _, height, width, channels in others:
        assert height % 2 == width % 2 == 1 and channels == 3
        assert min(height, width) >= 32


def test_only_free_axes_differ():
    shape = (2, 33, 96, 3)
    assert other_image_shapes(shape, ()) == [shape]
    assert other_image_shapes(shape, ('batch', )) == [shape, (3, 33, 96, 3)]
    _, steps, _ = other_image_shapes(shape, FREE, 16)
    assert (steps[1] - 33) % 16 == (steps[2] - 96) % 16 == 0
