"""What a training step needs, against sizes counted by hand."""
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmrep import memory

FLOAT = 4
FEATURES = (3 + 5) * 2 * 4 * 4 * FLOAT  # what goes in and what relu gives


@pytest.fixture
def model():
    return nn.Sequential(nn.Conv2d(3, 5, 1), nn.ReLU())


@pytest.fixture
def image():
    return torch.randn(2, 3, 4, 4)


def test_keeps_the_input_and_what_relu_gives(model, image):
    """A convolution needs its input, a relu its output; weights are ours."""
    kept = memory.kept_for_backward(lambda: model(image).sum().backward(),
                                    model)
    assert kept == FEATURES


def test_a_storage_counts_once(image):
    model = nn.ModuleList([nn.Conv2d(3, 5, 1), nn.Conv2d(3, 5, 1)])

    def step():
        sum(conv(image).sum() for conv in model).backward()

    assert memory.kept_for_backward(step, model) == image.numel() * FLOAT


def test_the_peak_is_no_sum(model, image):
    """What one backward has freed does not count when the next begins."""

    def steps():
        for _ in range(3):
            model(image).sum().backward()

    assert memory.kept_for_backward(steps, model) == FEATURES


def test_gradients_stay_those_of_the_step(model, image):
    model(image).square().sum().backward()
    expected = model[0].weight.grad.clone()
    model.zero_grad()
    memory.kept_for_backward(lambda: model(image).square().sum().backward(),
                             model)
    assert torch.equal(model[0].weight.grad, expected)


def test_step_on_a_cpu(model, image):
    """Kept features, parameters, a gradient and a momentum of each."""
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)

    def step():
        model(image).sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    step()
    parameters = (3 * 5 + 5) * FLOAT
    assert memory.step_memory(step, model,
                              optimizer) == FEATURES + 3 * parameters


def test_frozen_parameters_have_no_gradient(model, image):
    optimizer = torch.optim.SGD([model[0].bias], 0.1)
    model[0].weight.requires_grad_(False)
    kept = memory.step_memory(lambda: model(image).sum().backward(), model,
                              optimizer)
    assert kept == FEATURES + (15 + 5) * FLOAT + 5 * FLOAT


def test_step_on_a_gpu(monkeypatch):
    """Peak over what was allocated before, and what the model holds then."""
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


def test_says_what_it_is(monkeypatch):
    for there, text in ((True, memory.ALLOCATED), (False, memory.KEPT)):
        monkeypatch.setattr(
            torch.cuda, 'is_available', lambda there=there: there)
        assert memory.meaning() == text
