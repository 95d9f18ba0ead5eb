"""Build a module of a config with the structure of another."""
import logging
import os
from typing import Union

from mmengine.logging import print_log
from mmengine.registry import MODELS
from torch import nn

from ..checkpoints.pretrained import is_local, pretrained
from ..checkpoints.weights import read_weights
from ..errors import UserError
from ..layers import RepConv2d
from ..nets.rich import build_inner
from .describe import Structure, restructure
from .files import read_structure
from .from_weights import Weights, adopt, first_convolution, part_of

PLAIN = (
    'Restructured: this {} stays plain, the checkpoint {!r} has no branches '
    'for it')


@MODELS.register_module(name='Restructured')
def restructured(model: dict,
                 structure: Union[str, os.PathLike, Structure, None] = None,
                 **arguments) -> nn.Module:
    """Build any module of a config with the structure of another.

    ``backbone=dict(type='Restructured', model=dict(type='ResNet', ...),
    init_cfg=dict(type='Pretrained', checkpoint='dyrep.pth',
    prefix='backbone.'))`` takes the structure of its checkpoint. The argument
    ``structure`` comes before this checkpoint. Optimizers and DDP see the
    finished module.

    Args:
        model: Config of the module.
        structure: A description that :func:`structure` returned, the path of
            a ``.json`` with one, or the path of a checkpoint of the module or
            of a model around it. The names of a checkpoint's weights tell the
            structure. Defaults to the checkpoint of the module's
            ``init_cfg``.
        arguments: Further arguments of ``model``, which some hosts set.

    Raises:
        UserError: The structure or checkpoint is of another module, or there
            is none.

    Examples:
        >>> from mmengine.registry import MODELS
        >>> import mmrep
        >>> backbone = dict(type='MobileNetV1', widen_factor=0.05)
        >>> structure = {'conv1.conv': dict(type='RepVGGConv2d')}
        >>> net = MODELS.build(
        ...     dict(type='Restructured', model=backbone, structure=structure))
        >>> type(net.conv1.conv).__name__
        'RepVGGConv2d'
    """
    built = build_inner(model, arguments)
    if structure is None:
        structure = _starting_point(built)
    if not isinstance(structure, (str, os.PathLike)):
        return restructure(built, structure)
    structure = os.fspath(structure)
    if structure.endswith('.json'):
        return restructure(built, read_structure(structure))
    adopt(built, _weights_of(built, structure))
    if not any(isinstance(m, RepConv2d) for m in built.modules()):
        print_log(
            PLAIN.format(type(built).__name__, structure), 'current',
            logging.WARNING)
    return built


def _starting_point(module: nn.Module) -> str:
    """Return the checkpoint that the module's own ``init_cfg`` names.

    Raises:
        UserError: The ``init_cfg`` names no checkpoint.
    """
    for owner, init in pretrained(module):
        if owner is module and is_local(
                init.get('checkpoint'), '`checkpoint` of `init_cfg`'):
            return init['checkpoint']
    raise UserError(
        '`structure` (=None) of Restructured must name a structure or a '
        "checkpoint, or its model must have an `init_cfg` of type 'Pretrained'"
        ' with the path of one')


def _weights_of(module: nn.Module, path: str) -> Weights:
    """Return a module's part of a checkpoint, perhaps of the whole model.

    Raises:
        UserError: The checkpoint has no weights of this module.
    """
    weights = part_of(module, read_weights(path).state_dict)
    if weights is None:
        raise UserError(
            f'{path!r} has no weights of the layer '
            f'{first_convolution(module)!r} of this {type(module).__name__}')
    return weights
