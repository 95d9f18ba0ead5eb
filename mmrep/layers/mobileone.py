"""MobileOne's over-parameterized block."""
from typing import Sequence

from mmengine.registry import MODELS

from .branched import BranchedConv2d


@MODELS.register_module()
class MobileOneConv2d(BranchedConv2d):
    """``sum_n norm(conv_kxk(x)) + norm(conv_1x1(x)) + norm(x)``.

    Vasu et al., MobileOne: An Improved One Millisecond Mobile Backbone, CVPR
    2023, section 3.3 and figure 3.

    Args:
        args: See :class:`BranchedConv2d`.
        num_convs: How many kxk convolutions. Defaults to 4.
        kwargs: See :class:`BranchedConv2d`.

    Raises:
        ValueError: ``num_convs`` is not at least 1.
    """

    def __init__(self, *args, num_convs: int = 4, **kwargs) -> None:
        if num_convs < 1:
            raise ValueError(f'`num_convs` (={num_convs}) must be at least 1')
        self._further = [f'kxk_{i}' for i in range(1, num_convs)]
        super().__init__(*args, **kwargs)

    def default_branches(self) -> Sequence[str]:
        return *self._further, '1x1', 'identity'
