"""What an exported file takes: preprocessed tensors, or decoded images."""
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

Shape = Tuple[int, ...]
STEPS = ((36, -20), (-12, 24), (6, 10))  # of height and width, in pixels


def random_input(shape: Shape, seed: int = 0) -> Tensor:
    """Return an input of normal random numbers."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator)


def random_images(shape: Shape, seed: int) -> Tensor:
    """Return images of random bytes."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(
        256, tuple(shape), generator=generator, dtype=torch.uint8)


class InputKind(NamedTuple):
    """A kind of input.

    Attributes:
        name: The name of the input.
        layout: Its axes, one letter each: N, C, H and W.
        draw: The function that draws an example of a shape and a seed.
    """

    name: str
    layout: str
    draw: Callable[[Shape, int], Tensor]

    @property
    def axes(self) -> Dict[str, int]:
        """The places of the axes that can be of any size."""
        return axes_of(self.layout)

    def shape(self, batch: int, channels: int, height: int,
              width: int) -> Shape:
        """Return a shape in the order of the layout."""
        sizes = dict(N=batch, C=channels, H=height, W=width)
        return tuple(sizes[letter] for letter in self.layout)

    def sizes(self, shape: Sequence[int]) -> Shape:
        """Return batch, channels, height and width of a shape."""
        return tuple(shape[self.layout.index(letter)] for letter in 'NCHW')

    def resized(self, images: Tensor, size: Sequence[int]) -> Tensor:
        """Return images in another height and width."""
        order = [self.layout.index(letter) for letter in 'NCHW']
        back = ['NCHW'.index(letter) for letter in self.layout]
        return interpolate(images.permute(order), size).permute(back)


TENSORS = InputKind('input', 'NCHW', random_input)
IMAGES = InputKind('image', 'NHWC', random_images)


def axes_of(layout: str) -> Dict[str, int]:
    """Return the places of batch, height and width, those there are.

    Args:
        layout: The axes, one letter each.
    """
    letters = dict(batch='N', height='H', width='W')
    return {
        name: layout.index(letter)
        for name, letter in letters.items() if letter in layout
    }


def other_image_shapes(shape: Sequence[int],
                       free: Sequence[str],
                       step: int = 1) -> List[Shape]:
    """Return the example's shape and others that differ in free axes.

    The others have odd sides, which no even divisor divides, so the graph
    must pad them.

    Args:
        shape: The shape (N, H, W, C) of the example.
        free: The names of the axes of any size.
        step: The number of pixels that divides the differences of heights and
            widths. Defaults to 1.
    """
    batch, height, width, channels = shape
    shapes = [tuple(shape)]
    if 'height' in free and step == 1:
        shapes += [(1, max(height + a, 32) | 1, max(width + b, 32) | 1,
                    channels) for a, b in STEPS]
    elif 'height' in free:
        shapes.append((1, height + 2 * step, width + step, channels))
    if 'batch' in free:
        shapes.append((batch + 1, height, width, channels))
    return shapes
