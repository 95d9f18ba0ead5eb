"""Whole trainings are the same whoever makes the kernels."""
from functools import partial

import pytest
import torch
import torch.distributed as dist
from mmengine.model import ExponentialMovingAverage, MMDistributedDataParallel
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import mmrep
from mmrep.dyrep import Data, Evolution
from mmrep.testing import randomize_norms, refuses_waiting

from .common import (assert_same, batchers, blocks, gradients, image,
                     in_batches, mixed, twins, watch_traces)


def trained(net, steps=5, optimizer=torch.optim.SGD, **options):
    """Return all weights after some steps."""
    optimizer = optimizer(
        net.parameters(), lr=0.01, weight_decay=0.1, **options)
    for i in range(steps):
        optimizer.zero_grad(set_to_none=i % 2 == 0)
        net(image() + i).square().mean().backward()
        optimizer.step()
    return {n: t.detach().clone() for n, t in net.state_dict().items()}


def moved(weights, net):
    """Return True if a training changed something."""
    return any(not torch.equal(t, weights[n])
               for n, t in net.named_parameters())


@pytest.mark.parametrize(
    'optimizer',
    [partial(torch.optim.SGD, momentum=0.9, foreach=True), torch.optim.AdamW])
def test_steps(optimizer):
    net = mixed()
    together, apart = twins(net)
    found = trained(together, optimizer=optimizer)
    assert_same(found, trained(apart, optimizer=optimizer), 1e-11)
    assert moved(found, net)


class Partly(nn.Module):
    """A net with blocks that have no part in the loss, and frozen ones."""

    def __init__(self):
        super().__init__()
        self.used, self.idle = mixed(), mixed()
        self.used[0].requires_grad_(False)

    def forward(self, x):
        return self.used(x)


def test_weight_decay_leaves_blocks_without_a_gradient():
    net = Partly()
    together, apart = twins(net)
    found = trained(together, momentum=0.9)
    assert_same(found, trained(apart, momentum=0.9), 1e-11)
    still = {n: t for n, t in net.state_dict().items() if 'idle' in n}
    assert_same({name: found[name] for name in still}, still)


@pytest.fixture
def one_process(tmp_path):
    dist.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize('wrapper, net', [
    (DistributedDataParallel, mixed),
    (partial(MMDistributedDataParallel, broadcast_buffers=True), mixed),
    (partial(DistributedDataParallel, static_graph=True), mixed),
    (partial(DistributedDataParallel, find_unused_parameters=True), Partly),
    (partial(DistributedDataParallel, gradient_as_bucket_view=True), mixed),
    (partial(DistributedDataParallel, bucket_cap_mb=1e-4), mixed),
])
def test_distributed(one_process, wrapper, net):
    """Hooks of all parameters fire, or DDP raises in the second step."""
    together, apart = twins(net())
    found = trained(wrapper(together))
    expected = trained(apart)
    assert_same({
        n.partition('.')[2]: t
        for n, t in found.items()
    }, expected, 1e-11)
    assert moved(expected, net())


def test_distributed_without_synchronisation(one_process):
    together, apart = twins(mixed())
    wrapped = DistributedDataParallel(together)
    with wrapped.no_sync():
        wrapped(image()).sum().backward()
    for x in (image() + 1, image() + 2):
        wrapped(x).sum().backward()
    for x in (image(), image() + 1, image() + 2):
        apart(x).sum().backward()
    assert_same(gradients(together), gradients(apart))


def test_averages():
    """The average is a copy with a batcher of its own."""
    averages = []
    for net in twins(mixed()):
        average = ExponentialMovingAverage(net, momentum=0.3)
        for i in range(3):
            trained(net, 1)
            average.update_parameters(net)
            out = average(image() + i)
        averages.append((average.module, out.detach()))
    (together, found), (apart, expected) = averages
    assert_same(dict(o=found), dict(o=expected), 1e-11)
    assert_same(together.state_dict(), apart.state_dict(), 1e-11)
    assert len(batchers(together)) == 1


@pytest.fixture(scope='module')
def resnets():
    """Three nets that differ in who makes kernels, and in checkpoints."""
    torch.manual_seed(0)
    options = dict(base_channels=4, num_stages=2, out_indices=(1, ))
    options.update(strides=(1, 2), dilations=(1, 1), norm_eval=True)
    net = mmrep.RepVGGResNet(18, **options)
    randomize_norms(net).double()
    apart = mmrep.RepVGGResNet(18, with_cp=True, **options).double()
    apart.load_state_dict(net.state_dict())
    return [each.train() for each in (*twins(apart), net)]


def test_checkpoints_inside(resnets):
    """A stage runs again in the backward, with the same kernels."""
    x, found = torch.randn(2, 3, 24, 24).double(), []
    for net in resnets:
        net.zero_grad()
        net(x)[-1].square().mean().backward()
        found.append(gradients(net))
    assert_same(found[0], found[2])
    assert_same(found[1], found[2])


def test_no_step_waits(resnets):
    net = resnets[0]
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)

    def step():
        net(torch.zeros(1, 3, 24, 24).double())[-1].mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    step()
    with refuses_waiting():
        step()
        step()


def test_evolution():
    """Blocks grow between steps, and new branches learn."""
    nets = twins(blocks('DBBConv2d', 3, branches=[]))
    before = len(nets[0].state_dict())
    histories, found = [], []
    with watch_traces() as traces:
        for net in nets:
            evolution = Evolution(net, scope='*', metric='random')
            for step in (1, 2):
                trained(net, 2)
                data = Data([image()],
                            run=lambda x: net(x).sum(),
                            features=net)
                record = evolution.event(step, evolution.new_scores(), data)
                histories.append(record['grown'])
            found.append(trained(net, 2))
            if net is nets[0]:
                count = traces.call_count
    assert histories[:2] == histories[2:] and len(histories) == 4
    assert_same(*found, 1e-9)
    assert 0 < count == traces.call_count
    assert len(found[0]) > before and in_batches(nets[0]) == [3]
