"""What counts as an operation that launches a kernel."""
import contextlib

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmrep.measure import launches
from mmrep.measure.launches import Launches, as_on_a_gpu

CASES = dict(
    none=(lambda x: x, 0),
    arithmetic=(lambda x: x + x * 2, 2),
    in_place=(lambda x: x.add_(1), 1),
    views=(lambda x: x.t().detach()[1:].unsqueeze(0).expand(3, 2, 2), 0),
    a_view_in_place=(lambda x: x.t_(), 0),
    an_empty_tensor=(lambda x: torch.empty_like(x).new_empty(3), 0),
    a_number=(lambda x: x.view(6)[3].item(), 0),
    numbers=(lambda x: torch.zeros(3), 1),
    a_copy=(lambda x: x.t().contiguous(), 1),
    a_list=(lambda x: torch._foreach_add_([x, x.clone()], 1), 2),
    a_product=(lambda x: x.unsqueeze(0) @ torch.ones(1, 3, 2), 2),
)


@pytest.mark.parametrize('case', CASES)
def test_operations(case):
    call, expected = CASES[case]
    x = torch.ones(2, 3)
    with Launches() as seen:
        call(x)
    x.exp()
    assert seen.count == expected


def test_forward_and_backward_of_a_convolution():
    """The two gradients of a convolution are one operation."""
    conv = nn.Conv2d(2, 3, 3, bias=False)
    x = torch.ones(1, 2, 5, 5, requires_grad=True)
    with Launches() as seen:
        out = conv(x).sum()
        assert seen.count == 2  # convolution and sum
        out.backward()
    # ones, of the loss itself, the sum's is a view, the convolution's
    assert seen.count == 2 + 2


def test_kernels_of_a_region(monkeypatch):
    """What PyTorch sees inside a region is among its kernels."""
    told = {}

    def watch(launched, inside):
        told.update(launched=launched, inside=inside)
        return contextlib.nullcontext()

    monkeypatch.setattr(launches, 'watch_regions', watch)
    x = torch.ones(2)
    with Launches() as seen:
        x.exp()
        told['launched'](7)
        told['inside'](True)
        x.exp()
        told['inside'](False)
        x.exp()
        seen.add(100)
    assert seen.count == 1 + 7 + 1 + 100


def wrapper_of(kind, **options):
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    clip = options.pop('clip_grad', None)
    optimizer = kind(net.parameters(), lr=.1, **options)
    for parameter in net.parameters():
        parameter.grad = torch.ones_like(parameter)
    return OptimWrapper(optimizer, clip_grad=clip)


def launched(wrapper):
    wrapper.step()  # makes the state
    with Launches() as seen:
        wrapper.step()
    return seen.count


@pytest.mark.parametrize('options, single, lists', [
    (dict(), 4, 1),
    (dict(momentum=.9), 4 * 3, 3),
    (dict(momentum=.9, weight_decay=.1), 4 * 4, 4),
    (dict(foreach=False), 4, 4),
    (dict(foreach=True), 1, 1),
])
def test_an_optimizer_as_on_a_gpu(options, single, lists):
    wrapper = wrapper_of(torch.optim.SGD, **options)
    before = [dict(group) for group in wrapper.param_groups]
    assert launched(wrapper) == single
    with as_on_a_gpu(wrapper):
        assert launched(wrapper) == lists
    assert [dict(group) for group in wrapper.param_groups] == before


def test_clipping_as_on_a_gpu():
    wrapper = wrapper_of(torch.optim.SGD, clip_grad=dict(max_norm=1))
    single = launched(wrapper)
    with as_on_a_gpu(wrapper):
        assert launched(wrapper) < single
    assert wrapper.clip_grad_kwargs == dict(max_norm=1)
