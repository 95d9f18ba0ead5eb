"""A host's data preprocessor as a function of tensors, to be traced."""
from typing import Any, Optional, Tuple

from torch import Tensor, nn
from torch.nn.functional import pad

from ..boxes import Size
from ..compat.preprocessors import (ORDERS, known_preprocessor, normalizes,
                                    reverses_channels)
from ..errors import UserError, shown


class Preprocessing(nn.Module):
    """What a host's data preprocessor does to images in a test.

    It computes ``(x - mean) / std`` with the channels in the order of the
    net, and pads at the bottom and on the right. The operations are those of
    the host in the same order, so the result is equal to the last bit.
    Augmentations of batches are for training only, and not part of it.

    Args:
        preprocessor: The built ``data_preprocessor`` of a model.
        channels: The number of an image's channels. Defaults to 3.

    Shape:
        - Input: (N, H, W, C), images of uint8 as OpenCV decodes them, that is
          in the order BGR.
        - Output: (N, C, H', W'), what the net takes, and the height and width
          (H, W) before padding.

    Raises:
        UserError: The preprocessor does more than this, or it does not fit
            the number of channels.
    """

    def __init__(self, preprocessor: nn.Module, channels: int = 3) -> None:
        super().__init__()
        _check_known(preprocessor)
        self.reverse = reverses_channels(preprocessor, channels)
        if self.reverse and channels != 3:
            raise UserError(
                'the data_preprocessor reverses three channels and the net '
                f'takes images of {channels}: leave out `bgr_to_rgb` and '
                '`rgb_to_bgr`')
        self.size, self.divisor, self.value = _padding(preprocessor)
        self.normalize = normalizes(preprocessor)
        if self.normalize:
            _check_channels(preprocessor, channels)
            for name in ('mean', 'std'):
                values = getattr(preprocessor, name).detach().float().clone()
                self.register_buffer(name, values, persistent=False)

    @property
    def pads(self) -> bool:
        """True if images of some sizes are padded."""
        return self.size is not None or self.divisor > 1

    def forward(self, images: Tensor) -> Tuple[Tensor, Size]:
        """Return what the net takes, and the size before padding.

        Args:
            images: The images (N, H, W, C).
        """
        height, width = images.shape[1:3]
        x = images.permute(0, 3, 1, 2)
        if self.reverse:
            x = x[:, [2, 1, 0]]
        x = x.float()
        if self.normalize:
            x = (x - self.mean) / self.std
        if self.pads:
            below, right = self._missing(height, 0), self._missing(width, 1)
            x = pad(x, (0, right, 0, below), value=self.value)
        return x, (height, width)

    def _missing(self, side: Any, axis: int) -> Any:
        """Return the pixels to add to a side, a tensor while it is traced."""
        if self.size is None:
            return -side % self.divisor
        missing = self.size[axis] - side
        if isinstance(missing, Tensor):
            return missing.clamp(min=0)
        return max(missing, 0)


def _check_known(preprocessor: nn.Module) -> None:
    if known_preprocessor(preprocessor) is None:
        raise UserError(
            f'a {type(preprocessor).__name__} cannot be part of a graph, since'
            f' its forward is none of {", ".join(ORDERS)}: export the net '
            'without preprocessing')


def _check_channels(preprocessor: nn.Module, channels: int) -> None:
    for name in ('mean', 'std'):
        count = getattr(preprocessor, name).numel()
        if count not in (1, channels):
            raise UserError(
                f'`{name}` of the data_preprocessor has {count} values and '
                f'the net takes images of {channels} channels: give it '
                f'{channels} values')


def _padding(
        preprocessor: nn.Module
) -> Tuple[Optional[Tuple[int, int]], int, float]:
    """Return the least height and width, the divisor and the value."""
    if not known_preprocessor(preprocessor).startswith('mmseg.'):
        return None, preprocessor.pad_size_divisor, preprocessor.pad_value
    # `size` and `size_divisor` of mmseg's own are for training only
    test = preprocessor.test_cfg or {}
    size, divisor = test.get('size'), test.get('size_divisor')
    pair = isinstance(size, (tuple, list)) and len(size) > 1
    if test and pair == (divisor is not None):
        raise UserError(
            f'`test_cfg` (={shown(dict(test))}) of the data_preprocessor must '
            'have either `size`=(height, width) or `size_divisor`: mmseg pads '
            'by one of them')
    return tuple(
        size[-2:]) if pair else None, divisor or 1, preprocessor.pad_val
