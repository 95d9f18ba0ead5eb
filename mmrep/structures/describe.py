"""Describe the structure of a model as plain data, and rebuild it."""
from typing import Any, Dict, Optional, Set

from torch import nn

from ..errors import UserError, shown
from ..layers import RepConv2d
from ..layers.block_size import check_size, check_total
from ..layers.block_types import block_type, block_types, check_block
from ..layers.lookup import class_of
from ..layers.plain import why_not_plain
from ..nets.walk import names, replace

Structure = Dict[str, dict]


def structure(model: nn.Module) -> Structure:
    """Describe each block, by its name, as data that ``json`` can write.

    A value has the block's ``type`` and the arguments that would build it as
    it is now, e.g. ``{'backbone.conv1': {'type': 'OREPAConv2d', 'branches':
    ['stem'], 'scaling': 'vector'}}``. A block with several names stands under
    its first name.

    Examples:
        >>> from torch import nn
        >>> import mmrep
        >>> net = nn.Sequential(mmrep.RepVGGConv2d(4, 4, 3, padding=1))
        >>> config = mmrep.structure(net)['0']
        >>> config['type'], list(config['branches'])
        ('RepVGGConv2d', ['1x1', 'identity'])
    """
    kinds = set(block_types().values())
    return {
        paths[0]: _registered(module, paths[0], kinds).config()
        for module, paths in names(model).items()
        if isinstance(module, RepConv2d)
    }


def _registered(layer: RepConv2d, name: str, kinds: Set[type]) -> RepConv2d:
    """Return a layer, if a description can name its kind.

    Raises:
        UserError: No registry has its class.
    """
    kind = class_of(layer)
    if kind not in kinds:
        raise UserError(
            f'{name!r} is a {kind.__name__}, which no registry has: put '
            '`@MODELS.register_module()` before its class')
    return layer


def restructure(model: nn.Module, structure: Structure) -> nn.Module:
    """Give a model the structure that :func:`structure` described.

    The model computes the same in eval mode as before. Layers that already
    have their structure stay as they are. Plain convolutions become rich as in
    :func:`reparameterize`. Other blocks are fused and made anew; blocks that
    ``structure`` does not name become plain.

    Args:
        model: The model, which is changed in place.
        structure: The description of a model with the same convolutions.

    Returns:
        ``model``, or the layer where the model is a convolution itself.

    Raises:
        UserError: ``structure`` is no such description, the model has no
            convolution of a name, a type is unknown, or arguments are
            impossible. The model is then unchanged.
        TypeError: A convolution cannot be made rich.

    Examples:
        >>> from torch import nn
        >>> import mmrep
        >>> rich = nn.Sequential(mmrep.DBBConv2d(4, 4, 3, padding=1))
        >>> plain = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1))
        >>> twin = mmrep.restructure(plain, mmrep.structure(rich))
        >>> twin.load_state_dict(rich.state_dict())
        <All keys matched successfully>
    """
    by_name = {
        path: module
        for module, paths in names(model).items()
        for path in paths
    }
    wanted = _wanted(by_name, structure, type(model).__name__)
    new = {
        module: _rebuilt(module, wanted.get(module), paths[0])
        for module, paths in names(model).items()
        if module in wanted or isinstance(module, RepConv2d)
    }
    return replace(model, new)


def _wanted(by_name: Dict[str, nn.Module], structure: Structure,
            kind: str) -> Dict[nn.Module, dict]:
    """Return the config that each layer gets, all checked before any is made.

    Raises:
        UserError: The structure does not describe this model.
    """
    if not isinstance(structure, dict):
        raise UserError(f'a structure (={shown(structure)}) must be a dict of '
                        'the names of layers and their configs')
    wanted, names_of = {}, {}
    for name, config in structure.items():
        if not isinstance(name, str) or name not in by_name:
            raise UserError(
                f'the structure has a layer {shown(name)}, the model (a '
                f'{kind}) has none: it describes another')
        _check_layer(name, config)
        names_of.setdefault(by_name[name], name)
        if wanted.setdefault(by_name[name], config) != config:
            raise UserError(f'the structure has two configs for one layer, '
                            f'of which {name!r} is a second name')
    check_total({
        module: _size(module, config, names_of[module])
        for module, config in wanted.items()
        if isinstance(module, RepConv2d) or not why_not_plain(module)
    })
    return wanted


def _size(conv: nn.Module, config: dict, name: str) -> int:
    try:
        return check_size(config, conv)
    except (ValueError, TypeError, RuntimeError) as error:  # of the block
        raise UserError(_impossible(name, error)) from error


def _check_layer(name: str, config: Any) -> None:
    if isinstance(config, dict) and 'type' not in config:
        raise UserError(f'the structure of layer {name!r} names no `type`')
    try:
        check_block(config)
    except UserError as error:
        raise UserError(_impossible(name, error)) from error


def _impossible(name: str, error: Exception) -> str:
    return f'the structure of layer {name!r} is impossible: {error}'


def _rebuilt(module: nn.Module, config: Optional[dict],
             name: str) -> nn.Module:
    """Return the layer that a config makes of a module, plain for None."""
    is_rich = isinstance(module, RepConv2d)
    if is_rich and config == module.config():
        return module
    conv = module.fuse() if is_rich else module
    if config is None:
        return conv
    reason = why_not_plain(conv)
    if reason:
        raise TypeError(f'{name!r} cannot be made rich: it {reason}')
    options = {k: v for k, v in config.items() if k != 'type'}
    try:
        layer = block_type(config['type']).from_conv(conv, **options)
    except (ValueError, TypeError, RuntimeError) as error:  # of the block
        raise UserError(_impossible(name, error)) from error
    if is_rich and module.bias is None:
        layer.absorb_bias()
    return layer
