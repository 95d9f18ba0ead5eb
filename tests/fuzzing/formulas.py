"""The formula of each kind of layer, from its tensors by their names.

The formulas do without the package, as sums of features with a loop over the
branches, since the package is compared with them. The names of the tensors
tell which branches there are.
"""
import math
import re

import torch
import torch.nn.functional as F
from torch import Tensor

from .image import Look, conv, mean, tap
from .parts import Part

OF_OREPA = {
    'average', 'prior', '1x1_kxk', '1x1', 'separable', 'product', 'stem',
    'plain_stem'
}


def block(part: Part, x: Tensor, look: Look) -> Tensor:
    """Compute any layer; x is (N, C, H, W) in float64."""
    image = look.pad(x)
    if is_orepa(part):
        out = orepa(part, image, look)
    else:
        out = branched(part, x, image, look)
    return out + part['bias'][:, None, None] if 'bias' in part else out


def is_orepa(part: Part) -> bool:
    """Return True for OREPA.

    Without norms and scales, OREPA and the other blocks are the same sum.
    """
    if part.has_norms or 'weight' not in part:
        return False
    return 'scale' in part or OF_OREPA.issuperset(part.below('branches'))


def branched(part: Part, x: Tensor, image: Tensor, look: Look) -> Tensor:
    """Compute DBB, ACB, RepVGG and others: each convolution has a norm."""
    if 'weight' in part:
        out = conv(image, part['weight'], look)
    else:
        out = block(part.inside('kxk'), x, look)
    out = part.normed('norm', out)
    for name in part.below('branches'):
        inner = part.inside(f'branches.{name}')
        out = out + inner.normed('norm', branch(name, inner, x, image, look))
    return part.normed('sum_norm', out)


def branch(name: str, part: Part, x: Tensor, image: Tensor,
           look: Look) -> Tensor:
    """Compute one summand, without the norm at its end."""
    if name == 'identity':
        return tap(image, look, *look.centre)
    if name == '1x1_average':
        return mean(staged(part, x, look) if 'first' in part else image, look)
    if name == '1x1_kxk':
        image = staged(part, x, look, from_identity=True)
        if 'second.weight' in part or 'second.kxk' in part:
            return block(part.inside('second'), image, look.inside())
        return conv(image, part['second'], look)
    spread = re.search(r'_d(\d+)$', name)
    return conv(image, part['weight'], look, int(spread[1]) if spread else 1)


def staged(part: Part,
           x: Tensor,
           look: Look,
           from_identity: bool = False) -> Tensor:
    """Compute 1x1 and norm, whose edges are the norm's value of zeros."""
    first = part['first']
    if from_identity and len(first) == x.size(1):
        first = first + identity(first)
    x = part.normed('first_norm', F.conv2d(x, first, groups=look.groups))
    if look.mode != 'zeros':
        return look.pad(x)
    edge = part.of_zeros('first_norm')[:, None, None]
    return look.pad(x - edge) + edge


def identity(like: Tensor) -> Tensor:
    """Return the identity of each group as a 1x1; more channels repeat it."""
    channels, width = like.shape[:2]
    rows = torch.arange(channels)
    eye = like.new_zeros(channels, width)
    eye[rows, rows % width] = 1
    return eye[:, :, None, None]


def orepa(part: Part, image: Tensor, look: Look) -> Tensor:
    """Sum features with a scale each: all of it is linear."""
    names = part.below('branches')
    terms = [conv(image, part['weight'], look)]
    terms += [
        linear(name, part.inside(f'branches.{name}'), image, look)
        for name in names
    ]
    if 'scale' not in part:
        return sum(terms)
    scales = list(part['scale'])
    if len(scales) == len(names):  # the weight is a constant
        scales.insert(0, scales[0].new_ones(1))
    return sum(scale[:, None, None] * term
               for scale, term in zip(scales, terms, strict=True))


def linear(name: str, part: Part, image: Tensor, look: Look) -> Tensor:
    """Compute one of OREPA's branches (section 3.5 and figure 5), unscaled."""
    if name == 'stem':
        return stem(part, image, look)
    if name == 'plain_stem':
        return plain_stem(part, image, look)
    if name == 'separable':
        wide = look._replace(groups=image.size(1))
        out = conv(image, part['depthwise'], wide)
        return F.conv2d(out, part['pointwise'], groups=look.groups)
    if name == '1x1_kxk':
        first = part['first'] + identity(part['first'])
        return conv(
            F.conv2d(image, first, groups=look.groups), part['second'], look)
    if name == 'product':
        out = F.conv2d(image, part['first'], groups=look.groups)
        return conv(out, part['second'], look)
    if name == '1x1':
        return conv(image, part['weight'], look)
    out = F.conv2d(image, part['weight'], groups=look.groups)
    if name == 'average':
        return mean(out, look)
    return conv(out, cosines(out.size(1), look.size),
                look._replace(groups=out.size(1)))


def stem(part: Part, image: Tensor, look: Look) -> Tensor:
    """Apply small kernels one after another; the last takes the stride."""
    numbers = part.below('factors')
    for number in numbers:
        inner = part.inside(f'factors.{number}')
        last = number == numbers[-1]
        image = block(
            inner, image,
            look.inside(
                size=tuple(inner['weight'].shape[2:]),
                stride=look.stride if last else (1, 1)))
    return image


def plain_stem(part: Part, image: Tensor, look: Look) -> Tensor:
    """Compute the same stem from kernels that are no blocks."""
    # a parametrization that was removed leaves its kernel behind the others
    numbers = sorted(part.below('kernels'), key=int)
    for number in numbers:
        kernel = part[f'kernels.{number}']
        stride = look.stride if number == numbers[-1] else (1, 1)
        size = tuple(kernel.shape[2:])
        image = conv(image, kernel, look.inside(size=size, stride=stride))
    return image


def cosines(channels: int, size: tuple) -> Tensor:
    """Return FcaNet's filters as OREPA has them: rows, then columns."""
    filters = torch.empty(channels, 1, *size, dtype=torch.float64)
    half, (height, width) = channels / 2, size
    for i in range(channels):
        for h in range(height):
            for w in range(width):
                angle = (h + .5) * (i + 1) / height if i < half else (
                    (w + .5) * (i - half + 1) / width)
                filters[i, 0, h, w] = math.cos(math.pi * angle)
    return filters
