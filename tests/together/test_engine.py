"""Batches stay in memory as long as one state of a net is in use."""
from unittest import mock

import torch

from mmrep.together import engine as code
from mmrep.together.engine import Direct
from mmrep.together.planning import plan_of

from .common import assert_same, batchers, blocks, image, mixed, stepped, twins


def engine_of(net):
    net(image())
    engine, = batchers(net)[0].known[-1].engines
    return engine


def test_batches_keep_their_memory():
    together, apart = twins(mixed())
    engine = engine_of(together)
    places = [b.data_ptr() for b in engine.memory.batches]
    for net in (together, apart):
        with torch.no_grad():
            net[0].weight.mul_(2)
    assert_same(stepped(together, image()), stepped(apart, image()))
    assert [b.data_ptr() for b in engine.memory.batches] == places


def test_the_backward_reads_the_batches_of_the_forward():
    together, _ = twins(mixed())
    engine_of(together)
    with mock.patch.object(code, 'copy_all', wraps=code.copy_all) as copies:
        loss = together(image()).sum()
        assert copies.call_count == 1
        loss.backward()
        assert copies.call_count == 1
        loss = together(image()).sum()
        with torch.no_grad():
            together(image())
        loss.backward()
    assert copies.call_count == 4


def test_inner_blocks_are_not_made_again():
    together, apart = twins(blocks('OREPAConv2d', kernel_size=7, padding=3))
    engine = engine_of(together)
    loss = together(image()).square().sum()
    with mock.patch.object(code.Plan, 'fed') as fed:
        loss.backward()
    fed.assert_not_called()
    apart(image()).square().sum().backward()
    for one, other in zip(together.parameters(), apart.parameters()):
        torch.testing.assert_close(one.grad, other.grad)
    assert sum(v is not None
               for v in engine.fed.values) < len(engine.fed.values)


def test_a_net_that_changes_its_state_keeps_one_memory():
    """And a backward that is left over loads its tensors again."""
    together, apart = twins(mixed())
    outs = [net(image()) for net in (together, apart)]
    first, = batchers(together)[0].used
    assert first.memory is not None
    for net in (together, apart):
        net[0].bias.requires_grad_(False)
        net(image())
    second, = batchers(together)[0].used
    assert second is not first and first.memory is None
    assert first.fed.values is None
    for out in outs:
        out.square().sum().backward()
    assert first.memory is None
    for one, other in zip(together.parameters(), apart.parameters()):
        torch.testing.assert_close(one.grad, other.grad)
    for net in (together, apart):
        net[0].bias.requires_grad_()
        net.zero_grad()
    assert_same(stepped(together, image()), stepped(apart, image()))
    assert batchers(together)[0].used == [first]


def test_batches_are_no_view_of_parameters():
    """A batch of one block would share its memory."""
    block, = blocks('OREPAConv2d', 1)
    engine = Direct(plan_of([block]))
    engine.make(engine.plan.tensors)
    before = block.kernel().weight.detach().clone()
    for batch in engine.memory.batches:
        batch.zero_()
    assert torch.equal(block.kernel().weight, before)


def test_no_graph_is_kept():
    net, _ = twins(mixed())
    net(image()).sum().backward()
    engine, = batchers(net)[0].used
    kept = [*engine.memory.batches, *engine.fed.values]
    assert not any(each.requires_grad for each in kept if each is not None)
