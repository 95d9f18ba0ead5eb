"""Make the convolutions of a built model rich."""
from fnmatch import fnmatchcase
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from mmengine.registry import MODELS
from torch import nn

from ..errors import UserError, shown
from ..layers.block_types import check_block
from ..layers.geometry import is_whole
from ..layers.plain import why_not_plain
from .walk import names, replace

Patterns = Union[None, str, Sequence[str]]
Sizes = Union[None, int, Tuple[int, int], List[Union[int, Tuple[int, int]]]]


def reparameterize(model: nn.Module,
                   type: Union[str, type, dict],
                   include: Patterns = None,
                   exclude: Patterns = None,
                   kernel_size: Sizes = None) -> nn.Module:
    """Replace plain convolutions by blocks that compute the same in eval mode.

    The weights stay the same Parameter objects; device, dtype, memory format,
    ``requires_grad``, mode and sharing of modules are kept. Call this before
    you build the optimizer, which would otherwise lack the new parameters.

    Args:
        model: The model, which is changed in place.
        type: The block, such as ``'DBBConv2d'``, or a config with the block's
            own arguments.
        include: Names of convolutions or of modules around them, with ``*``,
            ``?`` and ``[...]`` as in file names: ``'backbone'``,
            ``'*.layer[34].*.conv2'``. Every convolution there must be plain.
            Defaults to all that are plain.
        exclude: Names of convolutions that stay as they are, or of modules
            around them. Defaults to none.
        kernel_size: One size in pixels, 3 or (1, 3), or a list of sizes.
            Defaults to all sizes.

    Returns:
        ``model``, or the block if the model is itself a convolution.

    Raises:
        UserError: The type is unknown, a pattern matches nothing, or nothing
            is left to replace. The model is then unchanged.
        TypeError: An included convolution cannot be made rich.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> import mmrep
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)).eval()
        >>> x = torch.randn(1, 3, 8, 8)
        >>> before = net(x)
        >>> net = mmrep.reparameterize(net, 'DBBConv2d')
        >>> type(net[0]).__name__, torch.allclose(net(x), before, atol=1e-5)
        ('DBBConv2d', True)
    """
    config = dict(type) if isinstance(type, dict) else dict(type=type)
    if 'type' not in config:
        raise UserError(f'`type` (={type}) must be a layer or name one')
    layer = check_block(config)
    config.pop('type')
    chosen = _choose(model, as_list(include), as_list(exclude), kernel_size)
    return replace(model,
                   {conv: layer.from_conv(conv, **config)
                    for conv in chosen})


@MODELS.register_module(name='Reparameterized')
def reparameterized(model: dict,
                    conv: Union[str, dict],
                    include: Patterns = None,
                    exclude: Patterns = None,
                    kernel_size: Sizes = None,
                    **arguments) -> nn.Module:
    """Build the module of a config and make its convolutions rich.

    ``backbone=dict(type='Reparameterized', model=dict(type='ResNet', ...),
    conv='DBBConv2d')`` acts before optimizers, DDP and checkpoints, so that
    all of these know the new parameters. Prefer a backbone, neck or head to a
    whole detector: hosts look for ``model.backbone`` in configs.

    Args:
        model: The config of the module.
        conv: The block, as ``type`` of :func:`reparameterize`.
        include: See :func:`reparameterize`.
        exclude: See :func:`reparameterize`.
        kernel_size: See :func:`reparameterize`.
        arguments: Further arguments of ``model``, which some hosts set.

    Examples:
        >>> from mmengine.registry import MODELS
        >>> import mmrep
        >>> net = MODELS.build(
        ...     dict(
        ...         type='Reparameterized',
        ...         model=dict(type='MobileNetV1', widen_factor=0.05),
        ...         conv='DBBConv2d',
        ...         include='conv1'))
        >>> list(mmrep.structure(net))
        ['conv1.conv']
    """
    built = build_inner(model, arguments)
    return reparameterize(built, conv, include, exclude, kernel_size)


def build_inner(model: dict, arguments: dict) -> nn.Module:
    """Build a wrapped config with the arguments that hosts set outside.

    Args:
        model: The config of the module.
        arguments: Arguments that replace those of ``model``, apart from its
            own ``data_preprocessor``.
    """
    config = {**model, **arguments}
    if model.get('data_preprocessor') is not None:
        config['data_preprocessor'] = model['data_preprocessor']
    return MODELS.build(config)


def _choose(model: nn.Module, include: List[str], exclude: List[str],
            kernel_size: Sizes) -> List[nn.Module]:
    """Return the convolutions to replace, each once."""
    known = {
        conv: paths
        for conv, paths in names(model).items() if is_conv(conv)
    }
    _check_patterns(model, list(known.values()), include + exclude)
    sizes = _sizes(kernel_size)
    chosen = [
        conv for conv, paths in known.items()
        if matches(paths, include or ['*']) and not matches(paths, exclude) and
        (sizes is None or tuple(conv.kernel_size) in sizes)
    ]
    reasons = why_not_rich(model, chosen)
    if include and reasons:
        told = [f'{known[conv][0]!r} {why}' for conv, why in reasons.items()]
        raise TypeError('these convolutions cannot be made rich, `exclude` '
                        f'them: {"; ".join(told)}')
    plain = [conv for conv in chosen if conv not in reasons]
    if not plain:
        told = [f', {known[conv][0]!r} {why}' for conv, why in reasons.items()]
        raise UserError(
            f'no plain convolution of this {type(model).__name__} is left by '
            f'`include` (={include}), `exclude` (={exclude}) and '
            f'`kernel_size` (={kernel_size}){"".join(told[:3])}')
    return plain


def _check_patterns(model: nn.Module, paths: List[List[str]],
                    patterns: List[str]) -> None:
    for pattern in patterns:
        if not any(matches(each, [pattern]) for each in paths):
            raise UserError(
                f'pattern {pattern!r} matches no convolution of this '
                f'{type(model).__name__}, whose convolutions have names such '
                f'as {[first for first, *_ in paths[:3]]}')


def why_not_rich(model: nn.Module,
                 convs: List[nn.Module]) -> Dict[nn.Module, str]:
    """Return why convolutions cannot be made rich, for those that cannot.

    Args:
        model: The model that contains the convolutions.
        convs: The convolutions to check.
    """
    reasons = {conv: why_not_plain(conv) for conv in convs}
    for module in model.modules():
        if hasattr(module, 'deform_groups'):
            for child in module.children():
                reasons[child] = ('computes the offsets of a deformable '
                                  'convolution')
    return {conv: reasons[conv] for conv in convs if reasons[conv]}


def is_conv(module: nn.Module) -> bool:
    """Return True for a convolution: plain, transposed, deformable or rich."""
    weight = getattr(module, 'origin', getattr(module, 'weight', None))
    return hasattr(module, 'kernel_size') and weight is not None


def matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """Return True if a pattern names a module or one around it.

    Args:
        names: All names of the module.
        patterns: Patterns of names, as in file names.
    """
    return any(
        fnmatchcase(name, pattern) or fnmatchcase(name, f'{pattern}.*')
        for name in names for pattern in patterns)


def as_list(patterns: Patterns) -> List[str]:
    """Return one pattern or several as a list, which is empty for None.

    Raises:
        UserError: A pattern is no string, or an empty one.
    """
    if patterns is None:
        return []
    found = [patterns] if isinstance(patterns, str) else patterns
    if not are_patterns(found):
        raise UserError(f'a pattern (={shown(patterns)}) must be a name of '
                        "modules, such as 'backbone', or a list of names")
    return list(found)


def are_patterns(values: Any) -> bool:
    """Return True for a list or tuple of strings, none of them empty."""
    return isinstance(values, (list, tuple)) and all(
        isinstance(value, str) and value for value in values)


def _sizes(kernel_size: Sizes) -> Optional[List[Tuple[int, int]]]:
    if kernel_size is None:
        return None
    if isinstance(kernel_size, (int, tuple)):
        kernel_size = [kernel_size]
    sizes = [(size, size) if is_whole(size) else size for size in kernel_size
             ] if isinstance(kernel_size, list) else [None]
    for size in sizes:
        if not isinstance(size, (tuple, list)) or len(size) != 2 or not all(
                map(is_whole, size)):
            raise UserError(f'`kernel_size` (={shown(kernel_size)}) must be a '
                            'size, 3 or (1, 3), or a list of sizes')
    return [tuple(size) for size in sizes]
