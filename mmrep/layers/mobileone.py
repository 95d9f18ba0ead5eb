"""MobileOne's over-parameterized block."""
from typing import Sequence

from mmengine.registry import MODELS

from ..errors import UserError, shown
from .branch_names import MAX_BRANCHES
from .branched import BranchedConv2d
from .geometry import is_whole


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
        UserError: ``num_convs`` is no whole number from 1 to 64.
    """

    def __init__(self, *args, num_convs: int = 4, **kwargs) -> None:
        if not is_whole(num_convs) or not 1 <= num_convs <= MAX_BRANCHES:
            raise UserError(f'`num_convs` (={shown(num_convs)}) must be a '
                            f'whole number from 1 to {MAX_BRANCHES}')
        self._further = [f'kxk_{i}' for i in range(1, num_convs)]
        super().__init__(*args, **kwargs)

    def default_branches(self) -> Sequence[str]:
        return *self._further, '1x1', 'identity'
