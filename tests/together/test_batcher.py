"""When a net makes its kernels together, and when it plans that anew."""
import copy
import io
import pickle
import threading
from inspect import signature
from unittest import mock

import onnx
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

import mmrep
from mmrep.together import batched
from mmrep.together import batcher as code
from mmrep.together.net import attach

from ..marks import compiles
from .common import (assert_same, batchers, blocks, gradients, image,
                     in_batches, mixed, stepped, twins, watch_kernels,
                     watch_traces)

# PyTorch 2.1 knows no other way
BY_TRACING = dict(dynamo=False) if 'dynamo' in signature(
    torch.onnx.export).parameters else {}


@pytest.fixture
def net():
    return mmrep.batch_kernels(mixed())


def watch_plans():
    return mock.patch.object(code, 'plan_of', wraps=code.plan_of)


def given(net):
    return [m._kept.given for m in net if isinstance(m, mmrep.RepConv2d)]


@pytest.mark.parametrize('grad', [True, False])
def test_one_batch_for_each_kind(net, grad):
    seen = []
    net[4].register_forward_hook(lambda *_: seen.append(given(net)))
    with watch_kernels(net[0]) as own, torch.set_grad_enabled(grad):
        net(image())
        calls = own.call_count  # while it traces
        net(image())
    assert in_batches(net) == [4]
    plan = batchers(net)[0].known[0].engines[0].plan
    assert len(plan.made) == 2
    assert own.call_count == calls
    assert all(kernel.weight.requires_grad == grad for kernel in seen[0])
    assert given(net) == [None] * 4


def test_nothing_is_planned_twice(net):
    with watch_plans() as plans, watch_traces() as traces:
        for x in (image(), image(batch=1), torch.cat([image()] * 2, 3)):
            for _ in range(2):
                net(x).sum().backward()
                net.train()  # its norms then take batches
                net(x).sum().backward()
                net.eval()
                with torch.no_grad():
                    net(x)
                with torch.inference_mode():
                    net(x)
    # in eval mode all blocks, in training mode those without norms
    assert plans.call_count == 2
    assert [len(call.args[0]) for call in plans.call_args_list] == [4, 2]
    assert traces.call_count <= 4


def test_modes_of_which_plans_are_kept(net, monkeypatch):
    monkeypatch.setattr(code, 'MODES', 2)
    for i in range(5):
        net[1].norm.eps = 1e-3 * (i + 1)
        net(image())
    assert len(batchers(net)[0].known) <= code.MODES + 1
    assert_same(dict(o=net(image())), dict(o=mixed_with(net[1].norm.eps)))


def mixed_with(eps):
    net = mixed()
    net[1].norm.eps = eps
    return net(image())


def test_training_after_inference_mode(net):
    with torch.inference_mode():
        net(image())
    _, apart = twins(mixed())
    assert_same(stepped(net, image()), stepped(apart, image()))


class Broken(Exception):
    """Raised half-way through a forward pass."""


def test_an_error_leaves_no_kernels(net):
    with mock.patch.object(net[4], 'forward', side_effect=Broken):
        with pytest.raises(Broken):
            net(image())
    assert given(net) == [None] * 4
    net[0].weight.data.zero_()
    _, apart = twins(net)
    assert_same(dict(o=net[0](image())), dict(o=apart[0](image())))


def test_a_child_by_itself(net):
    with watch_kernels(net[0]) as own:
        net(image())
        planned = own.call_count
        net[0](image())
        net[0].kernel()
    assert own.call_count == planned + 2


def test_two_batchers_around_each_other(monkeypatch):
    """The outer one makes the kernels, the inner one finds them made."""
    monkeypatch.setattr(batched, '_made', {})
    net = nn.Sequential(mmrep.batch_kernels(mixed()), *blocks('RepVGGConv2d'))
    _, apart = twins(net)
    attach(net, code.Batcher())
    outer, inner = batchers(net)
    assert_same(stepped(net, image()), stepped(apart, image()))
    assert [len(e.plan.blocks) for e in outer.known[0].engines] == [6]
    assert inner.known == []
    for layer in net[0]:  # the plan takes no kernel that was given
        layer.requires_grad_(True)
        for parameter in layer.parameters():
            parameter.data *= 2
    _, apart = twins(net)
    assert_same(dict(o=net[0](image())), dict(o=apart[0](image())))
    assert [len(e.plan.blocks) for e in inner.known[0].engines] == [4]


def test_kept_kernels_are_not_made_again(net):
    with mock.patch.object(
            code, 'make_kernels', wraps=code.make_kernels) as made:
        with mmrep.keep_kernels(net), torch.no_grad():
            expected = net(image())
            first = made.call_count
            assert torch.equal(net(image()), expected)
            assert made.call_count == first <= 1
        with torch.no_grad():
            assert_same(dict(o=net(image())), dict(o=expected))
        assert made.call_count == first + 1


def test_gradients_while_kernels_are_kept(net):
    _, apart = twins(net)
    with mmrep.keep_kernels(net):
        with torch.no_grad():
            net(image())
        assert_same(stepped(net, image()), stepped(apart, image()))


@pytest.mark.parametrize('twin', [
    copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))
], ids=['deepcopy', 'pickle'])  # yapf: disable
def test_copies_plan_for_themselves(net, twin):
    net(image())
    other, _ = twin(net), twin(net)
    batcher, = batchers(other)
    assert batcher is not batchers(net)[0] and batcher.known == []
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(2)
    _, apart = twins(other)
    assert_same(stepped(other, image()), stepped(apart, image()))
    assert batcher.known[0].engines[0].plan.blocks[0] is other[0]
    assert net[0].weight.grad is None


CHANGES = {
    'float': lambda net: net.float(),
    'double': lambda net: net.float().double(),
    'channels_last': lambda net: net.to(memory_format=torch.channels_last),
    'frozen': lambda net: net[0].requires_grad_(False),
    'all frozen': lambda net: net.requires_grad_(False),
    'norm trains': lambda net: net[1].norm.train(),
    'eps': lambda net: setattr(net[1].norm, 'eps', 0.1),
    'stride': lambda net: setattr(net[0], 'stride', (2, 2)),
    'less branches': lambda net: net[0].set_options(['origin']),
    'another block': lambda net: net.__setitem__(3,
                                                 blocks('ACBConv2d')[0]),
    'no block': lambda net: net.__setitem__(4, nn.ReLU()),
    'shared': lambda net: setattr(net[3], 'weight', net[0].weight),
    'spectral norm': lambda net: nn.utils.spectral_norm(net[0]),
    'parametrized': lambda net: parametrizations.weight_norm(net[0]),
}


@pytest.mark.parametrize('name', CHANGES)
def test_changes_of_the_structure(net, name):
    net(image()).sum().backward()
    net.zero_grad()
    torch.manual_seed(0)
    CHANGES[name](net)
    _, apart = twins(net)
    dtype = net[0].bias.dtype
    x = image(dtype).requires_grad_()
    for _ in range(2):
        found, expected = stepped(net, x), stepped(apart, x)
        rtol = 1e-12 if dtype == torch.double else 1e-5
        assert_same(found, expected, rtol)


def test_a_branch_that_is_added(net):
    """Only the group of the block that grew is planned with new traces."""
    net(image()).sum().backward()
    net[4].set_options(['1x1', '1xk', 'identity'], ['kxk', 'branches'])
    net.eval()
    _, apart = twins(net)
    net.zero_grad(), apart.zero_grad()
    with watch_traces() as traces:
        found = stepped(net, image())
    assert_same(found, stepped(apart, image()))
    new = [name for name in found if name.startswith('4.branches.1xk')]
    assert new and all(found[name].abs().max() > 0 for name in new)
    # RepVGG's group of one, and that of the block that grew
    assert traces.call_count <= 4
    assert in_batches(net) == [4]


def test_a_kind_that_cannot_be_traced(caplog):
    """It warns once, and the net runs as it did."""
    net = blocks('RepVGGConv2d')
    _, apart = twins(net)
    mmrep.batch_kernels(net)
    with mock.patch.object(
            mmrep.together.planning.Group, '__init__',
            side_effect=Broken('no')), mock.patch.object(code,
                                                         'print_log') as log:
        assert_same(stepped(net, image()), stepped(apart, image()))
        stepped(net, image()), stepped(apart, image())
    message, = [call.args[0] for call in log.call_args_list]
    assert message == '2 blocks make their kernels one by one: no'


def test_functions_of_the_parameters(net):
    """torch.func gives all tensors: blocks make kernels by themselves."""
    net(image())
    _, apart = twins(net)
    values = {n: p.detach() * 2 for n, p in net.named_parameters()}

    def loss(values, model, x):
        return torch.func.functional_call(model, values, x).square().sum()

    found = torch.func.grad(loss)(values, net, image())
    assert_same(found, torch.func.grad(loss)(values, apart, image()))
    with torch.no_grad():
        out = torch.func.functional_call(net, values, image())
        expected = torch.func.functional_call(apart, values, image())
    assert_same(dict(o=out), dict(o=expected))
    each = torch.func.vmap(torch.func.grad(loss),
                           (None, None, 0))(values, net, image()[:, None])
    assert_same({n: g.sum(0) for n, g in each.items()}, found, 1e-11)


@pytest.mark.skipif(
    not hasattr(torch, 'get_autocast_dtype'),
    reason='PyTorch before 2.4 exports no block')
def test_tracers_see_blocks(net):
    net(image())
    expected = dict(o=net(image()).detach())
    traced = torch.jit.trace(net, image())
    assert_same(dict(o=traced(image()).detach()), expected)
    symbolic = torch.fx.symbolic_trace(net)
    assert_same(dict(o=symbolic(image()).detach()), expected)
    exported = torch.export.export(net, (image(), )).module()
    assert_same(dict(o=exported(image()).detach()), expected)


def test_onnx_graphs_have_no_more_operations(net):
    net(image())
    nodes = []
    for each in (net, mmrep.batch_kernels(copy.deepcopy(net), False)):
        file = io.BytesIO()
        torch.onnx.export(each.float(), image(torch.float32), file,
                          **BY_TRACING)
        graph = onnx.load_from_string(file.getvalue()).graph
        nodes.append([node.op_type for node in graph.node])
    assert nodes[0] == nodes[1] and nodes[0].count('Conv') == 4


@compiles
def test_torch_compile(net):
    _, apart = twins(net)
    net(image())  # it has plans when it is compiled
    compiled = torch.compile(net, backend='eager')
    for x in (image(), image(batch=3)):
        net.zero_grad(), apart.zero_grad()
        compiled(x).square().sum().backward()
        apart(x).square().sum().backward()
        assert_same(gradients(net), gradients(apart))
    torch._dynamo.reset()


def test_replicas_of_data_parallel(net):
    """A copy on another device shares the hooks, and uses its own tensors."""
    net(image())
    replica = copy.copy(net)
    replica._is_replica = True
    with mock.patch.object(code, 'make_kernels') as made:
        replica(image())
    made.assert_not_called()


def test_on_a_cpu_only_where_it_is_asked_for():
    net = mixed()
    attach(net, code.Batcher(on_cpu=False))
    net(image())
    assert batchers(net)[0].known == []


def test_threads(net, monkeypatch):
    """Threads run the net at once, as a server does; all of them trace."""
    monkeypatch.setattr(batched, '_made', {})
    x, failed = image(), []
    expected = dict(o=twins(net)[1](x).detach())

    def work():
        try:
            for _ in range(20):
                with torch.no_grad():
                    out = net.eval()(x)
                assert_same(dict(o=out), expected)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not failed
