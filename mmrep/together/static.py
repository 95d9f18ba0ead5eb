"""Run a plan on memory that stays: compiled, or as two CUDA graphs."""
from functools import partial
from typing import Callable, List, Optional, Sequence

import torch
from torch import Tensor

from ..compat.foreach import copies_of, copy_all
from ..compat.inductor import compiled
from .engine import Direct
from .graphs import trace
from .group import Values
from .plan import Plan

Run = Callable[[], Sequence[Tensor]]


class Static(Direct):
    """Run a plan on batches that keep their memory.

    Subclasses say how: :meth:`prepared`. The first call prepares, the first
    with gradients also the backward.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._make: Optional[Run] = None
        self._pull: Optional[Run] = None
        self.loaded: Sequence[Tensor] = ()
        self.versions: List[int] = []

    def prepared(self, function: Callable[..., Sequence[Tensor]],
                 batches: List[Tensor]) -> Run:
        """Return a function on these batches, as a call without arguments."""
        raise NotImplementedError

    def make(self, tensors: Sequence[Tensor]) -> List[Tensor]:
        if self._make is None:
            self._prepare()
        copy_all(self.places, tensors)
        with torch.inference_mode(False):
            return self.plan.parts(self._make())

    def pull(self, tensors: Sequence[Tensor], grads: Values) -> Values:
        if torch.is_grad_enabled():  # these gradients have gradients
            return super().pull(tensors, grads)
        if self._pull is None:
            self._prepare_backward()
        copy_all(self.places, tensors)
        for place, grad in zip(self.grad_places, grads):
            if grad is None:
                place.zero_()
        there = [(place, grad) for place, grad in zip(self.grad_places, grads)
                 if grad is not None]
        copy_all(*zip(*there))
        found: Values = [None] * len(self.batches)
        for i, grad in zip(self.wanted, self._pull()):
            found[i] = grad
        return self.plan.parted(found)

    @torch.no_grad()
    def _prepare(self) -> None:
        plan = self.plan
        self.batches = [batch.clone() for batch in plan.load(plan.tensors)]
        self.places = plan.parted(self.batches)
        self._make = self.prepared(lambda *batches: plan.make(batches),
                                   self.batches)

    @torch.no_grad()
    def _prepare_backward(self) -> None:
        plan, count = self.plan, len(self.batches)
        self.grads = [torch.zeros_like(r) for r in plan.make(self.batches)]
        self.grad_places = plan.parts(self.grads)
        found = plan.pull(self.batches, self.grads)
        self.wanted = [i for i, grad in enumerate(found) if grad is not None]

        def pull(*tensors: Tensor) -> List[Tensor]:
            grads = plan.pull(tensors[:count], list(tensors[count:]))
            return [grads[i] for i in self.wanted]

        self._pull = self.prepared(pull, [*self.batches, *self.grads])


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
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):  # libraries set themselves up
                function(*batches)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode='thread_local'):
            results = function(*batches)

        def run() -> Sequence[Tensor]:
            graph.replay()
            return copies_of(results)

        return run
