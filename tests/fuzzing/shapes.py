"""Draw the arguments of nn.Conv2d and images that fit them."""
from random import Random
from typing import Tuple

KERNELS = [(1, 1), (3, 3), (3, 3), (3, 3), (5, 5), (7, 7), (1, 3), (3, 1),
           (3, 5), (2, 2), (4, 4), (4, 3), (7, 1), (2, 7), (8, 7)]
MODES = ['zeros', 'zeros', 'zeros', 'reflect', 'replicate', 'circular']
# channels of one group
WIDTHS = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 2), (2, 5), (4, 4)]
LEAST = 3  # pixels a side, and outputs: a batch norm needs several


def draw_shape(rng: Random) -> dict:
    """Draw all arguments of nn.Conv2d, those of two axes as pairs."""
    groups = rng.choice([1, 1, 1, 2, 3, 5])
    into, out = rng.choice(WIDTHS)
    if groups == 1 and rng.random() < .5:  # several hundred weights
        into, out = rng.choice([(8, 8), (8, 12), (12, 8)])
    kernel = rng.choice(KERNELS)
    dilation = _pair(rng, [1, 1, 1, 2, 3])
    stride = _pair(rng, [1, 1, 2, 3])
    padding = draw_padding(rng, kernel, dilation, stride)
    return dict(
        in_channels=into * groups,
        out_channels=out * groups,
        kernel_size=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=rng.random() < .5,
        padding_mode=rng.choice(MODES))


def _pair(rng: Random, values: list) -> Tuple[int, int]:
    """Draw a pair, mostly of equal values."""
    if rng.random() < .7:
        return (rng.choice(values), ) * 2
    return rng.choice(values), rng.choice(values)


def draw_padding(rng: Random, kernel: tuple, dilation: tuple, stride: tuple):
    """Draw padding around the centre, none, of any width or by name."""
    spans = [(k - 1) * d for k, d in zip(kernel, dilation)]
    choices = [
        tuple(span // 2 for span in spans), (0, 0), 'valid',
        tuple(rng.randint(0, span + 2) for span in spans)
    ]
    if stride == (1, 1):  # nn.Conv2d has no 'same' with a stride
        choices.append('same')
    return rng.choice(choices)


def draw_size(rng: Random, shape: dict) -> Tuple[int, int]:
    """Draw the size of an image with at least 3x3 outputs, in pixels."""
    size = []
    for axis in (0, 1):
        span = (shape['kernel_size'][axis] - 1) * shape['dilation'][axis]
        edges = edges_of(shape['padding'], axis, span)
        least = span + 1 + (LEAST - 1) * shape['stride'][axis] - sum(edges)
        if shape['padding_mode'] in ('reflect', 'circular'):
            # padding turns over or around once at most
            least = max(least, max(edges) + 1)
        size.append(max(least, LEAST) + rng.randint(0, 3))
    return tuple(size)


def edges_of(padding, axis: int, span: int) -> Tuple[int, int]:
    """Return the pixels before and behind the image."""
    if isinstance(padding, str):
        span = span if padding == 'same' else 0
        return span // 2, span - span // 2
    return padding[axis], padding[axis]
