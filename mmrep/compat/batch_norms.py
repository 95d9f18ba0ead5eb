"""The one definition of a batch norm for the whole package.

Uses: ``_BatchNorm`` of ``torch.nn.modules.batchnorm``, the base of torch's
batch norms, its own base ``_NormBase`` and the ``_check_input_dim`` of both.
There is no public base class up to PyTorch 2.14. The mappings of parameters,
buffers and hooks of ``nn.Module`` hold what its attributes give more slowly,
as ``torch._C._get_cudnn_enabled`` does ``torch.backends.cudnn.enabled``.
"""
from typing import Any, NamedTuple, Optional

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .compiling import is_compiling
from .hooks import is_bare
from .private import private

_BatchNorm = private('torch.nn.modules.batchnorm._BatchNorm', __name__,
                     'to know batch norms')
_NormBase = private('torch.nn.modules.batchnorm._NormBase', __name__,
                    'to tell batch norms from instance norms')
cudnn_is_on = private('torch._C._get_cudnn_enabled', __name__,
                      'to know whether norms may use cuDNN')
FROZEN = ('running_mean', 'running_var', 'weight', 'bias')


def is_batch_norm(module: Any) -> bool:
    """Return True if a module is a batch norm of any make.

    Torch's batch norms count, also without running statistics, and so do
    frozen norms and mmcv's own SyncBN, which has no base in common with them.
    """
    return isinstance(module,
                      _BatchNorm) or (has_statistics(module)
                                      and not isinstance(module, _NormBase))


def has_statistics(module: Any) -> bool:
    """Return True if a module has a running mean and variance."""
    return all(
        isinstance(getattr(module, name, None), Tensor) for name in FROZEN[:2])


def is_frozen_norm(module: Any) -> bool:
    """Return True if a module is a batch norm that has buffers only.

    Nothing trains it. An example is FrozenBatchNorm2d, of which torchvision,
    mmdet, timm and detectron2 each have their own class.
    """
    return not isinstance(module, _NormBase) and all(
        isinstance(getattr(module, '_buffers', {}).get(name), Tensor)
        for name in FROZEN)


def is_unfinished(kind: type) -> bool:
    """Return True if a class of norms has no forward or no input check."""
    if kind.forward is nn.Module.forward:
        return True
    return kind.forward.__module__.startswith('torch.nn.') and getattr(
        kind, '_check_input_dim', None) is _NormBase._check_input_dim


class TrainedNorm(NamedTuple):
    """A batch norm of torch that takes the statistics of batches now."""

    weight: Tensor
    bias: Tensor
    mean: Tensor
    var: Tensor
    count: Optional[Tensor]
    momentum: float
    eps: float


def trained_norm(norm: nn.Module) -> Optional[TrainedNorm]:
    """Return what a norm computes with, None if it may do anything else.

    Args:
        norm: Any module. The result is None unless it is an
            ``nn.BatchNorm2d`` in training mode, with all of its tensors, a
            momentum and no hooks, and no compiler looks.
    """
    found = trained_values(norm)
    return found and TrainedNorm(*found)


def trained_values(norm: nn.Module) -> Optional[tuple]:
    """Return :func:`trained_norm` as a plain tuple, which is sooner made.

    Args:
        norm: Any module.
    """
    if type(norm) is not nn.BatchNorm2d or is_compiling() or (
            not is_bare(norm)):
        return None
    own = vars(norm)
    if not own['training']:
        return None
    parameters, buffers, momentum = (own['_parameters'], own['_buffers'],
                                     own['momentum'])
    try:
        weight, bias = parameters['weight'], parameters['bias']
        mean, var = buffers['running_mean'], buffers['running_var']
        count = buffers['num_batches_tracked']
    except KeyError:  # a copy of DataParallel has attributes instead
        return None
    if (momentum is None or weight is None or bias is None or mean is None
            or var is None):
        return None
    return weight, bias, mean, var, count, momentum, own['eps']


def run_norm(norm: nn.Module, x: Tensor) -> Tensor:
    """Return ``norm(x)``, without a call of the module where that is safe.

    Args:
        norm: Any module.
        x: Its input, (N, channels, H, W).
    """
    found = trained_values(norm)
    if found is None:
        return norm(x)
    weight, bias, mean, var, count, momentum, eps = found
    if count is not None:
        count.add_(1)
    check_size(x)
    return torch.batch_norm(x, weight, bias, mean, var, True, momentum, eps,
                            cudnn_is_on())


def check_size(x: Tensor) -> None:
    """Refuse a batch of one value a channel, as every batch norm does.

    Args:
        x: Input of a norm that takes the statistics of batches.

    Raises:
        ValueError: There is no variance.
    """
    if x.numel() == x.size(1):
        F.batch_norm(x, None, None, training=True)
