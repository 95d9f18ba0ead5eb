"""Compare a fused net with its training form."""
import os.path as osp
from typing import Callable, List, Optional, TypeVar

import mmcv
import torch
from torch import Tensor, nn

from ..errors import UserError, one_line
from ..fusing.examples import outputs
from ..layers import RepConv2d
from ..nets.difference import relative_difference
from ..nets.walk import branch_by_branch, rep_layers

T = TypeVar('T')
LONG_SIDE = 512  # pixels
STRIDE = 32  # pixels; sides become multiples of it


def example_input(path: Optional[str] = None, channels: int = 3) -> Tensor:
    """Return a normalised image (1, channels, H, W), random without a path.

    Args:
        path: The path of an image. Defaults to None: a random one.
        channels: The number of channels. Defaults to 3.

    Raises:
        UserError: There is no image at ``path``.

    Examples:
        >>> from mmrep.deploy import example_input
        >>> tuple(example_input().shape)
        (1, 3, 128, 160)
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


def _reached(layers: List[RepConv2d], run: Callable[[], T]) -> tuple:
    """Return the result of ``run`` and the ids of the layers that ran."""
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
    """Return the largest relative difference between a net's two forms.

    The features and dense heads on ``x`` are compared, and the layers that
    these do not reach are compared one by one. The rich net computes branch
    by branch.

    Args:
        rich: The training form in eval mode.
        plain: The fused net in eval mode.
        x: The input.

    Raises:
        UserError: The rich net does not run on an image.

    Examples:
        >>> from mmengine.registry import MODELS
        >>> import mmrep
        >>> from mmrep.deploy import example_input, worst_difference
        >>> backbone = dict(type='RepVGGBackbone', arch='A0', base_channels=4)
        >>> kind = 'mmpretrain.ImageClassifier'
        >>> rich = MODELS.build(dict(type=kind, backbone=backbone)).eval()
        >>> worst_difference(rich, mmrep.fuse(rich), example_input()) < 1e-4
        True
    """
    layers = list(rep_layers(rich))
    with branch_by_branch(rich):
        reference, reached = _reached(layers, lambda: _outputs(rich, x))
    worst = max(map(relative_difference, reference, outputs(plain, x)))
    others = [layer for layer in layers if id(layer) not in reached]
    return max([worst, *map(_layer_difference, others)])


def _outputs(model: nn.Module, x: Tensor) -> List[Tensor]:
    """Return the features and dense heads of a model.

    Raises:
        UserError: The model does not run on an image of this shape.
    """
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
