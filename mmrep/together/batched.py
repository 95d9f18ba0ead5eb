"""One block's kernel as a function of tensors, for a batch of such blocks."""
import copy
from threading import RLock
from typing import Any, Dict, Hashable, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor, nn
from torch.func import functional_call, vjp, vmap

from ..compat.compiling import is_functional
from ..compat.hooks import hooks_of
from ..kernel import AFFINES, Kernel
from ..layers import RepConv2d
from .alike import inner_blocks, key_of, own_norms, own_tensors
from .graphs import trace
from .operations import Operations
from .sums import Sums, columns_of, is_last, is_sum, laid_out

MOST = 512  # kinds of groups whose operations are kept
LOCK = RLock()  # a trace replaces the tensors of a block, which is shared


class Graphs:
    """The operations that make the kernels of a group, and their gradients.

    Args:
        batched: The function that makes the kernels.
        wanted: True for each argument that has a gradient.
        joined: See :func:`trace`.
        shared: The number of gradients at the end that nobody else gets.
    """

    def __init__(self, batched: Union['Batched', Sums], wanted: Sequence[bool],
                 joined: bool, shared: int) -> None:
        self.batched, self.wanted, self.joined = batched, wanted, joined
        self.shared = shared
        self._forward: Optional[Operations] = None
        self._backward: Optional[Operations] = None

    def forward(self, given: Sequence[Tensor], *kept: Any) -> Sequence[Tensor]:
        """Return the weights, and the biases if there are any.

        Args:
            given: The arguments.
            kept: See :class:`Operations`.
        """
        with LOCK:
            if self._forward is None:
                self._forward = Operations(
                    trace(self.batched, given, self.joined))
        return self._forward(given, *kept)

    def backward(self, given: Sequence[Tensor], grads: Sequence[Tensor], *kept:
                 Any) -> Sequence[Tensor]:
        """Return the gradients of the wanted arguments."""
        # blocks around lay them out in their own ways
        given = [*given, *map(Tensor.contiguous, grads)]
        if is_functional():  # what a transform passes on must not stay
            return self.batched.pulled(self.wanted)(*given)
        with LOCK:
            if self._backward is None:
                pull = self.batched.pulled(self.wanted)
                self._backward = Operations(
                    trace(pull, given, self.joined, self.shared))
        return self._backward(given, *kept)


_made: Dict[Hashable, Graphs] = {}


def graphs_of(block: RepConv2d, given: Sequence[Tensor],
              biases: Sequence[bool], wanted: Sequence[bool],
              joined: bool) -> Graphs:
    """Return the operations for blocks like this one, which are traced once.

    Args:
        block: One of the blocks.
        given: Arguments, which tell the number of blocks and how all later
            arguments lie in memory.
        biases: True for each inner block whose kernel has a bias.
        wanted: True for each argument that has a gradient.
        joined: See :func:`trace`.
    """
    layouts = tuple((len(tensor), tensor.stride()) for tensor in given)
    key = key_of(block), layouts, tuple(biases), tuple(wanted), joined
    with LOCK:
        if key not in _made:
            if len(_made) >= MOST:
                del _made[next(iter(_made))]
            batched = Sums(block) if is_sum(block) else Batched(block, biases)
            own = len(columns_of(block))
            _made[key] = Graphs(batched, wanted, joined, sum(wanted[own:]))
        return _made[key]


class Batched:
    """Make the kernels of blocks that are alike, all at once.

    Its arguments are batches: the block's own tensors, the affine maps of its
    norms, then the kernels of its inner blocks.

    Args:
        block: One of the blocks, which tells how to make a kernel.
        biases: True for each inner block whose kernel has a bias.
    """

    def __init__(self, block: RepConv2d, biases: Sequence[bool]) -> None:
        self.is_last, block = is_last(block.origin), _bare(block)
        self.module = _Whole(block)
        self.names = [f'block.{name}' for name in own_tensors(block)]
        self.inner = dict(zip(inner_blocks(block).values(), biases))
        self.norms = own_norms(block)

    def __call__(self, *batches: Tensor) -> Tuple[Tensor, ...]:
        """Return the weights, and the biases if there are any."""
        weight, *bias = vmap(self._one)(*batches)
        return laid_out(weight, self.is_last), *bias

    def pulled(self, wanted: Sequence[bool]) -> 'Pull':
        """Return the function that makes the gradients of wanted batches."""
        return Pull(self, wanted)

    def _one(self, *tensors: Tensor) -> Tuple[Tensor, ...]:
        each = iter(tensors)
        own = {name: next(each) for name in self.names}
        affines = {norm: (next(each), next(each)) for norm in self.norms}
        for inner, has_bias in self.inner.items():
            inner.give_kernel(
                Kernel(next(each),
                       next(each) if has_bias else None))
        token = AFFINES.set(affines)
        try:
            weight, bias = functional_call(self.module, own, ())
        finally:
            AFFINES.reset(token)
            for inner in self.inner:
                inner.give_kernel(None)
        return (weight, ) if bias is None else (weight, bias)


def _bare(block: RepConv2d) -> RepConv2d:
    """Return a copy without hooks and without memory for tensors.

    The block itself may run in another thread, and be gone before its
    operations are.
    """
    memo: dict = {}
    own = set(map(id, own_tensors(block).values()))
    for tensor in (*block.parameters(), *block.buffers()):
        # those that no argument stands for tell their device and dtype
        twin = torch.empty_like(
            tensor, device='meta') if id(tensor) in own else (tensor.new_zeros(
                ()).expand_as(tensor))
        is_parameter = isinstance(tensor, nn.Parameter)
        memo[id(tensor)] = nn.Parameter(
            twin, tensor.requires_grad) if is_parameter else twin
    for module in block.modules():
        memo.update((id(hooks), type(hooks)()) for hooks in hooks_of(module))
    return copy.deepcopy(block, memo)


class Pull:
    """The gradients of a batch of kernels.

    Its arguments are those of :class:`Batched`, then the gradients of the
    weights and of the biases, if there are any.

    Args:
        batched: The function that makes the kernels.
        wanted: True for each argument whose gradient is returned.
    """

    def __init__(self, batched: Batched, wanted: Sequence[bool]) -> None:
        self.batched, self.wanted = batched, wanted

    def __call__(self, *tensors: Tensor) -> Tuple[Tensor, ...]:
        count = len(self.wanted)
        given, grads = list(tensors[:count]), tensors[count:]
        places = [i for i, wanted in enumerate(self.wanted) if wanted]

        def kernels(*chosen: Tensor) -> Tuple[Tensor, ...]:
            for i, tensor in zip(places, chosen):
                given[i] = tensor
            return self.batched(*given)

        _, pull = vjp(kernels, *[given[i] for i in places])
        return pull(grads)


class _Whole(nn.Module):
    """A block whose forward returns its kernel."""

    def __init__(self, block: RepConv2d) -> None:
        super().__init__()
        self.block = block

    def forward(self) -> Kernel:
        return self.block.kernel()
