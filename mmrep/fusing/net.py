"""Fuse any model: every block becomes a plain convolution."""
import copy
import inspect
from typing import Any, Dict

from mmengine.registry import MODELS
from torch import nn
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from ..compat.hooks import copy_hooks, pre_hooks_of
from ..errors import UserError
from ..layers import RepConv2d
from ..layers.norm_inside import put_norms_back
from ..nets.walk import check_module, names
from ..together.net import unbatch
from .absorb import absorb_biases
from .examples import arguments_of

PLAIN = dict(type='Conv2d')
# pre-hooks that make a weight, and the functions that remove them
WEIGHT_MAKERS = {
    BasePruningMethod: 'torch.nn.utils.prune.remove',
    WeightNorm: 'torch.nn.utils.remove_weight_norm',
    SpectralNorm: 'torch.nn.utils.remove_spectral_norm',
}


def fuse(model: nn.Module, example: Any = None) -> nn.Module:
    """Copy a model with each :class:`RepConv2d` as one ``nn.Conv2d``.

    The copy computes what the model computes in eval mode; the model itself
    stays as it is. The model may itself be a block. A block that stands in
    several places becomes one convolution in all of them.

    A block without a bias often fuses to a convolution with one. Stock nets
    have no bias in front of a batch norm. The bias therefore moves into the
    running mean of the norm if the outputs of the convolution go into norms
    and nowhere else; running another copy of the model once shows this.
    If a block has no norm behind it because it ends in norms of its own, the
    copy gets the norm of the plain net there, which takes the bias.

    Args:
        model: Any module, with or without blocks.
        example: The input of ``model``, a tensor or a tuple of arguments.
            Defaults to a guess, random images; if the model takes no such
            images, biases stay.

    Returns:
        The fused copy, in the mode, dtype and on the device of ``model``.

    Raises:
        UserError: ``model`` is no module, is sharded, has a block whose
            weight a hook makes, or does not run on ``example``.

    Examples:
        >>> import torch
        >>> from torch import nn
        >>> import mmrep
        >>> rich = nn.Sequential(mmrep.DBBConv2d(3, 8, 3), nn.BatchNorm2d(8))
        >>> plain = mmrep.fuse(rich.eval())
        >>> x = torch.randn(1, 3, 8, 8)
        >>> torch.allclose(plain(x), rich(x), atol=1e-5)
        True
        >>> type(plain[0]) is nn.Conv2d
        True
    """
    check_module(model)
    if example is not None:
        arguments_of(example)
    _check_whole(model)
    layers = {
        layer: paths[0]
        for layer, paths in names(model).items()
        if isinstance(layer, RepConv2d)
    }
    for layer, name in layers.items():
        _check_hooks(layer, name)
    convs = {layer: layer.fuse() for layer in layers}
    memo: Dict[int, Any] = {id(layer): conv for layer, conv in convs.items()}
    fused = copy.deepcopy(model, memo)
    for layer, conv in convs.items():
        copy_hooks(layer, conv, memo)  # hooks watch or change the outputs
    unbatch(fused)
    _forget_blocks(fused)
    _drop_training_only(fused)
    _keep_modes(model, fused)
    unbiased = {
        name: convs[layer]
        for layer, name in layers.items() if layer.bias is None
    }
    put_norms_back(fused)
    absorb_biases(fused, unbiased, example)
    return fused


def _check_whole(model: nn.Module) -> None:
    """Refuse a model of which this process holds only a shard."""
    for name, parameter in model.named_parameters():
        # the path to import DTensor from differs among versions of PyTorch
        if any(kind.__name__ == 'DTensor' for kind in type(parameter).__mro__):
            raise UserError(
                f'{name!r} of this {type(model).__name__} is a DTensor, of '
                'which a process holds a shard: gather the full state dict, '
                'load it into an unsharded model and fuse that')


def _check_hooks(layer: RepConv2d, name: str) -> None:
    """Refuse hooks that make a weight out of tensors of the layer."""
    for inside, module in layer.named_modules(prefix=name):
        for hook in pre_hooks_of(module).values():
            for kind, way in WEIGHT_MAKERS.items():
                if isinstance(hook, kind):
                    raise UserError(
                        f'a hook (={type(hook).__name__}) makes the weight of '
                        f'{inside!r} (={type(module).__name__}) before each '
                        f'forward: call {way} on this layer before you fuse')


def _keep_modes(model: nn.Module, fused: nn.Module) -> None:
    """Restore modes, which some graph modules lose when they are copied."""
    if fused.training != model.training:
        fused.train(model.training)  # this may choose among graphs
    flags = {name: m.training for name, m in model.named_modules()}
    for name, module in fused.named_modules():
        if flags.get(name, module.training) != module.training:
            module.training = flags[name]


def _drop_training_only(fused: nn.Module) -> None:
    """Drop modules that take part in losses but in no prediction."""
    for module in list(fused.modules()):
        names = getattr(module, 'training_only', ())
        for name in names if isinstance(names, tuple) else ():
            setattr(module, name, None)


def _forget_blocks(fused: nn.Module) -> None:
    """Make configs of blocks plain: some hosts build from them later."""
    for module in fused.modules():
        config = getattr(module, 'conv_cfg', None)
        kind = config.get('type') if isinstance(config, dict) else None
        kind = MODELS.get(kind) if isinstance(kind, str) else kind
        if inspect.isclass(kind) and issubclass(kind, RepConv2d):
            module.conv_cfg = dict(PLAIN)
