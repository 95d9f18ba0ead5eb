"""Blocks that are made alike: their kernels are one batch."""
from typing import Dict, Hashable, List

from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from ..compat.batch_norms import FROZEN
from ..compat.hooks import pre_hooks_of
from ..compat.modules import buffers_of, parameters_of
from ..layers import RepConv2d
from ..layers.branch import Branch
from ..layers.frozen_norms import takes_batches
from ..layers.kept import REAL
from ..layers.orepa_branch import KernelBranch

SMALL = 2**14  # entries of a kernel that costs a CPU less than Python does
OURS = (RepConv2d, Branch, KernelBranch)


def own_tensors(block: RepConv2d) -> Dict[str, Tensor]:
    """Return the tensors of a block by name, without blocks and norms in it.

    Tensors without entries or of whole numbers only tell the structure.
    """
    inside = [*inner_blocks(block).values(), *block.norms_inside()]
    skipped = {m for each in inside for m in each.modules()}
    return {
        f'{prefix}.{name}' if prefix else name: tensor
        for prefix, module in block.named_modules() if module not in skipped
        for entries in (parameters_of(module), buffers_of(module))
        for name, tensor in entries.items() if tensor is not None
        and tensor.numel() and tensor.is_floating_point()
    }


def inner_blocks(block: RepConv2d) -> Dict[str, RepConv2d]:
    """Return the blocks directly in a block, by name, each once."""
    found = {
        name: module
        for name, module in block.named_modules()
        if module is not block and isinstance(module, RepConv2d)
    }
    deeper = {
        module
        for inner in found.values()
        for module in inner.modules() if module is not inner
    }
    return {n: inner for n, inner in found.items() if inner not in deeper}


def own_norms(block: RepConv2d) -> List[nn.Module]:
    """Return the norms of a block, without those of blocks in it."""
    inside = {
        module
        for inner in inner_blocks(block).values()
        for module in inner.modules()
    }
    return [norm for norm in block.norms_inside() if norm not in inside]


def can_batch(block: RepConv2d, on_cpu: bool) -> bool:
    """Return True if a block's kernel may be made in a batch.

    Args:
        block: The block.
        on_cpu: True to allow small kernels on a CPU, too.
    """
    if any(map(takes_batches, block.norms_inside())):
        return False
    modules = list(block.modules())
    if any(map(is_parametrized, modules)) or any(map(pre_hooks_of, modules)):
        return False  # something else may make a tensor
    if not all(map(_is_pure, modules)):
        return False
    if not all(map(_has_all, block.norms_inside())):
        return False
    tensors = [*block.parameters(), *block.buffers()]
    device, origin = block.origin.device, block.origin
    shape = (block.out_channels, block.in_channels // block.groups,
             *block.kernel_size)
    return (device.type != 'meta' and origin.shape == shape
            and any(t is origin for t in tensors)  # no view of something else
            and all(type(t) in REAL and t.device == device for t in tensors)
            and (device.type != 'cpu' or on_cpu and origin.numel() <= SMALL))


def key_of(block: RepConv2d) -> Hashable:
    """Return what blocks have in common whose kernels can be one batch."""
    tensors = own_tensors(block).items()
    return (type(block), repr(block.config()), block.in_channels,
            block.out_channels, block.kernel_size, block.groups,
            block.origin.stride(),
            tuple((name, *_kind(t)) for name, t in tensors),
            tuple((eps_of(n), *map(_kind, affine_of(n)))
                  for n in own_norms(block)),
            tuple((name, key_of(inner))
                  for name, inner in inner_blocks(block).items()))


def _kind(tensor: Tensor) -> tuple:
    return (tuple(tensor.shape), tensor.dtype, tensor.device,
            tensor.requires_grad)


def eps_of(norm: nn.Module) -> float:
    return getattr(norm, 'eps', 1e-5)


def affine_of(norm: nn.Module) -> List[Tensor]:
    """Return a norm's running mean and variance, weight and bias."""
    return [getattr(norm, name) for name in FROZEN]


def _has_all(norm: nn.Module) -> bool:
    return all(type(getattr(norm, name, None)) in REAL for name in FROZEN)


def _is_pure(module: nn.Module) -> bool:
    """Return True if a kernel depends on no attribute of the module.

    A kind of somebody else's may have attributes that change, and says
    ``batchable = True`` if it has none beside its own arguments.
    """
    if not isinstance(module, OURS):
        return True
    kind = type(module)
    ours = kind.__module__.partition('.')[0] == __name__.partition('.')[0]
    return ours or vars(kind).get('batchable', False) is True


def outermost(root: nn.Module, on_cpu: bool) -> List[RepConv2d]:
    """Return the blocks of a net that can be in batches, in order.

    A block inside of another one that is returned is left out.
    """
    found: List[RepConv2d] = []
    seen: set = set()
    for module in root.modules():
        if isinstance(module, RepConv2d) and module not in seen and can_batch(
                module, on_cpu):
            found.append(module)
            seen.update(module.modules())
    return found
