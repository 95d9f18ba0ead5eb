"""Compare a fused net with the training form it stands for."""
import os.path as osp
from typing import Callable, List, Optional, TypeVar

import mmcv
import torch
from torch import Tensor, nn

from ..errors import UserError, one_line
from ..fusing.examples import outputs
from ..layers import RepConv2d
from ..nets.walk import branch_by_branch, rep_layers

T = TypeVar('T')
LONG_SIDE = 512  # pixels
STRIDE = 32


def example_input(path: Optional[str] = None, channels: int = 3) -> Tensor:
    """A normalised image of (1, channels, H, W), random without a path.

    Raises:
        UserError: There is no image at ``path``.
    """
    if path is None:
        generator = torch.Generator().manual_seed(0)
        return torch.randn(1, channels, 128, 160, generator=generator)
    image = mmcv.imread(path) if osp.isfile(path) else None
    if image is None:
        raise UserError(f'no image at {path!r}: give a file such as a JPEG')
    image = mmcv.imrescale(image, (LONG_SIDE, LONG_SIDE))
    image = mmcv.impad_to_multiple(image, STRIDE)
    x = torch.from_numpy(image).float().permute(2, 0, 1)[None]
    x = x[:, [i % 3 for i in range(channels)]]
    return (x - x.mean()) / x.std()


def relative_difference(a: Tensor, b: Tensor) -> float:
    """``max |a - b| / max |a|``; infinite where a value is not finite."""
    difference = (a - b).abs().max() / a.abs().max().clamp_min(1e-12)
    return difference.nan_to_num(float('inf')).item()


def _reached(layers: List[RepConv2d], run: Callable[[], T]) -> tuple:
    """What ``run`` returns, and the ids of the layers that ran in it."""
    reached = set()
    handles = [
        layer.register_forward_hook(lambda m, *_: reached.add(id(m)))
        for layer in layers
    ]
    try:
        return run(), reached
    finally:
        for handle in handles:
            handle.remove()


def worst_difference(rich: nn.Module, plain: nn.Module, x: Tensor) -> float:
    """How far a plain net is from the training form of a rich one.

    Both are in eval mode. Compared are the features and dense heads on ``x``,
    the rich net computing branch by branch, and by themselves the layers that
    these did not reach.

    Returns:
        The largest relative difference of all.

    Raises:
        UserError: The rich net does not run on an image.
    """
    layers = list(rep_layers(rich))
    with branch_by_branch(rich):
        reference, reached = _reached(layers, lambda: _outputs(rich, x))
    worst = max(map(relative_difference, reference, outputs(plain, x)))
    others = [layer for layer in layers if id(layer) not in reached]
    return max([worst, *map(_layer_difference, others)])


def _outputs(model: nn.Module, x: Tensor) -> List[Tensor]:
    """Return what a model computes, or say that it takes no such input."""
    try:
        return outputs(model, x)
    except UserError:
        raise
    except Exception as error:  # whatever a model raises
        raise UserError(
            f'a {type(model).__name__} does not run on an image of shape '
            f'{tuple(x.shape)} ({one_line(error)}), and its two forms cannot '
            'be compared: fuse it in Python, `mmrep.fuse(model)`') from error


@torch.no_grad()
def _layer_difference(layer: nn.Module) -> float:
    size = [8 + d * k for d, k in zip(layer.dilation, layer.kernel_size)]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, layer.in_channels, *size, generator=generator)
    return relative_difference(layer.forward_branches(x), layer.fuse()(x))
