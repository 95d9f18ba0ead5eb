"""Memory of a training step, against sizes counted by hand."""
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmrep.measure import memory

FLOAT = 4


class Doubled(torch.autograd.Function):
    """A function that allocates given sizes while it runs, keeping none."""

    @staticmethod
    def forward(ctx, weight, forward, backward):
        ctx.backward_size = backward
        torch.empty(forward)
        return weight * 2

    @staticmethod
    def backward(ctx, grad):
        torch.empty(ctx.backward_size)
        return grad * 2, None, None


@pytest.fixture
def train():
    """Return a function that makes a step, its model and its optimizer."""

    def make(forward, backward):
        model = nn.Module()
        model.weight = nn.Parameter(torch.randn(1000))
        model.register_buffer('seen', torch.zeros(10))
        optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)

        def step():
            Doubled.apply(model.weight, forward, backward).sum().backward()
            optimizer.step()
            optimizer.zero_grad()

        step()
        return step, model, optimizer

    return make


def peak_of(step):
    model = nn.Module()
    return memory.step_memory(step, model, SimpleNamespace(state={}))


def test_peak_by_hand():
    """The peak is the most that the step itself holds at a time."""
    there = torch.empty(50000)

    def step():
        first = torch.empty(1000)
        second = torch.empty(2000)
        third = torch.empty(3000)  # 6000 now
        del second
        fourth = torch.empty(500)  # 4500
        del first
        return third, fourth, there

    assert peak_of(step) == 6000 * FLOAT


def test_peak_after_something_was_freed():

    def step():
        first = torch.empty(1000)
        del first
        return torch.empty(700), torch.empty(800)

    assert peak_of(step) == 1500 * FLOAT


def test_peaks_are_no_sum_of_steps():

    def steps():
        for _ in range(3):
            torch.empty(1000)

    assert peak_of(steps) == 1000 * FLOAT


@pytest.mark.parametrize('forward', [100000, 0])
def test_step_on_a_cpu(train, forward):
    """The larger of two peaks counts, and what the model holds."""
    step, model, optimizer = train(forward, backward=50000)
    held = (1000 + 10 + 1000) * FLOAT  # parameters, buffer, momentum
    found = memory.step_memory(step, model, optimizer)
    if forward:  # its output is not there yet
        assert found == held + forward * FLOAT
    else:  # the loss, and gradients no larger than their tensors
        assert 50000 * FLOAT <= found - held <= (50000 + 3000) * FLOAT


def test_gradients_that_were_there_count(train):
    step, model, optimizer = train(100000, 0)
    before = memory.step_memory(step, model, optimizer)
    model.weight.grad = torch.zeros(1000)
    after = memory.step_memory(step, model, optimizer)
    assert after == before + 1000 * FLOAT


def test_the_step_trains_as_without(train):
    step, model, optimizer = train(10, 10)
    before = model.weight.clone()
    memory.step_memory(step, model, optimizer)
    # velocities 2, then 0.9 * 2 + 2
    torch.testing.assert_close(before - model.weight,
                               torch.full_like(before, 0.38))


def test_nothing_is_told(train, capfd):
    memory.step_memory(*train(10, 10))
    assert capfd.readouterr() == ('', '')


def test_step_on_a_gpu(monkeypatch):
    """The peak above the memory before counts, and what the model holds."""
    state = dict(now=1000, peak=9999)
    for name, call in dict(
            synchronize=lambda: None,
            reset_peak_memory_stats=lambda: state.update(peak=state['now']),
            memory_allocated=lambda: state['now'],
            max_memory_allocated=lambda: state['peak']).items():
        monkeypatch.setattr(torch.cuda, name, call)
    there = SimpleNamespace(
        is_cuda=True,
        grad=torch.ones(10),
        numel=lambda: 10,
        element_size=lambda: 4)
    model = SimpleNamespace(parameters=lambda: [there], buffers=lambda: [])
    optimizer = SimpleNamespace(state={0: dict(momentum=torch.ones(10))})
    memory_of_step = memory.step_memory(lambda: state.update(peak=1500), model,
                                        optimizer)
    assert memory_of_step == 500 + 40 + 40 + 40


def test_explained(train):
    """Parameters, buffers, momentum; no gradients of frozen parameters."""
    _, model, optimizer = train(10, 10)
    assert memory.explained(model, optimizer) == (3 * 1000 + 10) * FLOAT
    model.weight.requires_grad_(False)
    assert memory.explained(model, optimizer) == (2 * 1000 + 10) * FLOAT


@pytest.mark.parametrize('peak, own, percent', [
    (1000, 300, 0),
    (1250, 500, 4),
    (1250, 600, -4),
])
def test_unexplained(peak, own, percent):
    assert memory.unexplained(peak, own, 1000, 300) == pytest.approx(percent)
