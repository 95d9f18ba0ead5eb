"""Measure the memory of a training step."""
import gc
import os
from typing import Any, Callable, Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.profiler import ProfilerActivity, profile


def step_memory(step: Callable[[], object], model: nn.Module,
                optimizer: Optimizer) -> int:
    """Measure the peak memory of a training step, in bytes.

    All memory that PyTorch allocates counts, on a GPU or elsewhere. Memory of
    other models and memory that libraries allocate themselves does not.

    Args:
        step: Function that takes one step; not the model's first, which makes
            the optimizer's state.
        model: The model that trains.
        optimizer: The optimizer of the model.

    Examples:
        >>> import torch
        >>> from mmrep.measure.memory import step_memory
        >>> net = torch.nn.Conv2d(3, 8, 3)
        >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        >>> def step():
        ...     net(torch.randn(1, 3, 8, 8)).sum().backward()
        ...     optimizer.step()
        >>> step_memory(step, net, optimizer) > 0
        True
    """
    there = [p.grad for p in model.parameters() if p.grad is not None]
    on_gpu = any(p.is_cuda for p in model.parameters())
    peak = _peak_on_gpu if on_gpu else _peak_on_cpu
    return peak(step) + held(model, optimizer) + size(there)


def explained(model: nn.Module, optimizer: Optimizer) -> int:
    """Return the bytes of parameters, buffers, gradients, optimizer state.

    Examples:
        >>> import torch
        >>> from mmrep.measure.memory import explained
        >>> net = torch.nn.Linear(10, 1, bias=False)
        >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        >>> explained(net, optimizer)  # 10 weights, 10 gradients, 4 bytes each
        80
    """
    wanted = [p for p in model.parameters() if p.requires_grad]
    return held(model, optimizer) + size(wanted)


def unexplained(peak: int, own: int, first_peak: int, first_own: int) -> float:
    """Return how much of two peaks' difference the models do not explain.

    Args:
        peak: Bytes from :func:`step_memory`.
        own: Bytes from :func:`explained`.
        first_peak: ``peak`` of the model to compare with.
        first_own: ``own`` of the model to compare with.

    Returns:
        The unexplained part in percent of ``peak``; negative if the peaks
        differ by less than the bytes that the models own.

    Examples:
        >>> from mmrep.measure.memory import unexplained
        >>> unexplained(peak=200, own=50, first_peak=100, first_own=0)
        25.0
    """
    return 100 * ((peak - first_peak) - (own - first_own)) / peak


def held(model: nn.Module, optimizer: Optimizer) -> int:
    """Return the bytes of a model and its optimizer, without gradients.

    Examples:
        >>> import torch
        >>> from mmrep.measure.memory import held
        >>> net = torch.nn.Linear(10, 1, bias=False)
        >>> held(net, torch.optim.SGD(net.parameters(), lr=0.1))
        40
    """
    return size([*model.parameters(), *model.buffers()]) + size(
        value for state in optimizer.state.values()
        for value in state.values() if isinstance(value, Tensor))


def size(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of tensors.

    Examples:
        >>> import torch
        >>> from mmrep.measure.memory import size
        >>> size([torch.zeros(10), torch.zeros(3, dtype=torch.double)])
        64
    """
    return sum(t.numel() * t.element_size() for t in tensors)


def _peak_on_gpu(step: Callable[[], object]) -> int:
    """Return the peak bytes of a step on the GPU, above those before it."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step()
    return torch.cuda.max_memory_allocated() - before


def _start(event: Any) -> int:
    """Return the start of an event in ns; in us with PyTorch before 2.4."""
    return event.start_ns() if hasattr(event, 'start_ns') else event.start_us()


def _peak_on_cpu(step: Callable[[], object]) -> int:
    """Return the peak bytes of a step on the CPU, above those before it.

    It is the highest sum of the step's allocations and deallocations.
    """
    gc.collect()
    # the profiler's log reports every start and a missing GPU
    os.environ.setdefault('KINETO_LOG_LEVEL', '99')
    with profile(
            activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        step()
    events = record.profiler.kineto_results.events()
    changes = [e for e in events if e.name() == '[memory]']
    now = peak = 0
    for change in sorted(changes, key=_start):
        now += change.nbytes()
        peak = max(peak, now)
    return peak
