"""Run a plan on memory that stays: compiled, or as two CUDA graphs."""
import logging
from functools import partial
from typing import Callable, List, Optional, Sequence

import torch
from mmengine.logging import print_log
from torch import Tensor

from ..compat.foreach import copies_of, copy_all
from ..compat.inductor import compiled
from ..errors import one_line
from .engine import Direct, Seen, needs_new
from .graphs import trace
from .group import Values
from .plan import Plan

Run = Callable[[], Sequence[Tensor]]


class Static(Direct):
    """Run a plan on batches that keep their memory.

    A subclass implements :meth:`prepared`. The first forward and the first
    backward prepare themselves; one that fails to is run directly from then
    on, with a warning.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._make: Optional[Run] = None
        self._pull: Optional[Run] = None
        self._failed = False

    def prepared(self, function: Callable[..., Sequence[Tensor]],
                 batches: List[Tensor]) -> Run:
        """Return a function on these batches, as a call without arguments."""
        raise NotImplementedError

    def make(self, tensors: Sequence[Tensor]) -> List[Tensor]:
        if self._make is None:
            self._try(self._prepare)
        if self._failed:
            return super().make(tensors)
        self.load(tensors)
        with torch.inference_mode(False):
            return self.plan.parts(self._make())

    def pull(self, tensors: Sequence[Tensor], grads: Values,
             seen: Seen) -> Values:
        new = needs_new()
        if self._pull is None and not new:
            self._try(self._prepare_backward)
        if self._failed or new:
            return super().pull(tensors, grads, seen)
        self.loaded(tensors, seen)
        self._load_grads(grads)
        found: Values = [None] * len(self.plan.batches)
        for i, grad in zip(self.wanted, self._pull()):
            found[i] = grad
        return self.plan.parted(found)

    def release(self) -> None:
        """Keep the memory, which the prepared functions use."""

    def _load_grads(self, grads: Values) -> None:
        """Copy gradients of kernels to their places, zeros for None."""
        pairs = list(zip(self.grad_places, grads))
        for place, grad in pairs:
            if grad is None:
                place.zero_()
        copy_all(*zip(*((p, g) for p, g in pairs if g is not None)))

    def _try(self, prepare: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            with torch.inference_mode(False), torch.no_grad():
                prepare()
        except Exception as error:  # no compiler, no memory ...
            self._failed = True
            print_log(
                f'the kernels of {len(self.plan.blocks)} blocks are made in '
                f'batches, but not {type(self).__name__.lower()}: '
                f'{one_line(error)}',
                'current',
                level=logging.WARNING)

    def _prepare(self) -> None:
        plan = self.plan
        self._make = self.prepared(lambda *batches: plan.make(batches),
                                   self.load(plan.tensors).batches)

    def _prepare_backward(self) -> None:
        plan, batches = self.plan, self.memory.batches
        count = len(batches)
        self.grads = [torch.zeros_like(r) for r in plan.make(batches)]
        self.grad_places = plan.parts(self.grads)
        found = plan.pull(batches, self.grads)
        self.wanted = [i for i, grad in enumerate(found) if grad is not None]

        def pull(*tensors: Tensor) -> List[Tensor]:
            grads = plan.pull(tensors[:count], list(tensors[count:]))
            return [grads[i] for i in self.wanted]

        self._pull = self.prepared(pull, [*batches, *self.grads])


class Compiled(Static):
    """Run a plan compiled by PyTorch's inductor, once for its structure."""

    def prepared(self, function: Callable[..., Sequence[Tensor]],
                 batches: List[Tensor]) -> Run:
        graph = trace(function, batches, joined=False)
        return partial(compiled(graph, batches), *batches)


class Captured(Static):
    """Run a plan as two CUDA graphs, the forward and the backward."""

    def prepared(self, function: Callable[..., Sequence[Tensor]],
                 batches: List[Tensor]) -> Run:
        with torch.cuda.device(batches[0].device):
            return self._captured(partial(function, *batches))

    @staticmethod
    def _captured(call: Run) -> Run:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):  # libraries set themselves up
                call()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode='thread_local'):
            results = call()

        def run() -> Sequence[Tensor]:
            graph.replay()
            return copies_of(results)

        return run
