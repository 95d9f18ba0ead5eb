"""Heads of a host, which is imported when a config builds one of them."""
from mmengine.registry import MODELS
from torch import nn

from ..errors import UserError


@MODELS.register_module(name='AuxiliaryClsHead')
def auxiliary_cls_head(**arguments) -> nn.Module:
    """Build mmpretrain's linear classifier with auxiliary ones beside it.

    Args:
        arguments: The arguments of
            :class:`mmrep.heads.auxiliary.AuxiliaryClsHead`.

    Raises:
        UserError: mmpretrain is not installed.

    Examples:
        >>> import mmrep
        >>> head = mmrep.auxiliary_cls_head(
        ...     num_classes=10, in_channels=32, aux_channels=(8, 16))
        >>> len(head.auxiliary)
        2
    """
    try:
        from .auxiliary import AuxiliaryClsHead
    except ModuleNotFoundError as error:
        raise UserError('AuxiliaryClsHead is a head of mmpretrain: install '
                        f'mmpretrain (there is no {error.name!r})') from error
    return AuxiliaryClsHead(**arguments)
