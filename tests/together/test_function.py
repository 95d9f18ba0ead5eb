"""Gradients of kernels that are made together, in every order of passes."""
import copy
from unittest import mock

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import mmrep
from mmrep.errors import UserError
from mmrep.together import batched

from .common import (assert_same, blocks, gradients, image, in_batches, mixed,
                     stepped, twins)

FIRST, SECOND = image(), image().flip(0) * 2


def accumulated(net):
    """Two forwards and backwards before a step."""
    for x in (FIRST, SECOND):
        net(x).square().sum().backward()


def siamese(net):
    """Two forwards, then one backward."""
    (net(FIRST) * net(SECOND)).sum().backward()


def retained(net):
    loss = net(FIRST).square().sum()
    loss.backward(retain_graph=True)
    loss.backward()


def unused(net):
    """A forward whose backward never runs, and one without gradients."""
    net(SECOND)
    with torch.no_grad():
        net(SECOND)
    net(FIRST).square().sum().backward()


def of_a_part(net):
    """Only the first blocks have a part in the loss."""
    seen = []
    hook = net[1].register_forward_hook(lambda m, args, out: seen.append(out))
    net(FIRST)
    hook.remove()
    seen[0].square().sum().backward()


def checkpointed(reentrant):

    def run(net):
        x = FIRST.clone().requires_grad_()
        checkpoint(net, x, use_reentrant=reentrant).square().sum().backward()

    return run


def before_a_step(net):
    """The kernels of the forward count, not those of a later one."""
    loss = net(FIRST).square().sum()
    with torch.no_grad():
        net(SECOND)
    loss.backward()


def moving_statistics(net):
    """Norms train between a forward and its backward, uncounted."""
    loss = net(FIRST).square().sum()
    with torch.no_grad():
        net.train()(SECOND * 3)
        net.eval()(FIRST)
    loss.backward()


def moving_statistics_and_modes(net):
    """And the backward comes before another forward in eval mode."""
    loss = net(FIRST).square().sum()
    with torch.no_grad():
        net.train()(SECOND * 3)
    net.eval()
    loss.backward()


def moving_statistics_again(net):
    """The first of two backwards has gradients itself."""
    loss = net(FIRST).square().sum()
    with torch.no_grad():
        net.train()(SECOND * 3)
    net.eval()
    grads = torch.autograd.grad(
        loss, list(net.parameters()), create_graph=True)
    (loss + sum(grad.square().sum() for grad in grads)).backward()


PASSES = [
    moving_statistics, moving_statistics_and_modes, moving_statistics_again,
    accumulated, siamese, retained, unused, of_a_part, before_a_step,
    checkpointed(True),
    checkpointed(False)
]


@pytest.mark.parametrize('passes', PASSES)
def test_orders_of_passes(passes):
    together, apart = twins(mixed())
    for net in (together, apart):
        passes(net)
    found = gradients(together)
    assert_same(found, gradients(apart))
    assert any(grad is not None for grad in found.values())


class Uses(nn.Module):
    """Blocks that stand in a net several times, as in a detector's head."""

    def __init__(self, net):
        super().__init__()
        self.net = self.again = net

    def forward(self, x):
        return self.again(self.net(x)) + self.net[0](x * 2)


def test_a_block_in_two_places():
    together, apart = twins(Uses(mixed()))
    assert_same(stepped(together, FIRST), stepped(apart, FIRST))
    assert in_batches(together) == [4]


def test_a_parameter_in_two_blocks():
    net = mixed()
    net[3].weight = net[0].weight
    together, apart = twins(net)
    assert together[3].weight is together[0].weight
    assert_same(stepped(together, FIRST), stepped(apart, FIRST))
    assert in_batches(together) == [4]


def freeze_some(net):
    net[0].requires_grad_(False)
    net[1].weight.requires_grad_(False)
    net[4].norm.weight.requires_grad_(False)


def freeze_kernel(net):
    """All but the norms' affine maps."""
    for name, parameter in net[1].named_parameters():
        parameter.requires_grad_('norm' in name)


@pytest.mark.parametrize(
    'freeze',
    [freeze_some, freeze_kernel, lambda net: net.requires_grad_(False)])
def test_frozen_parameters_get_no_gradient(freeze):
    net = mixed()
    freeze(net)
    together, apart = twins(net)
    x = FIRST.clone().requires_grad_()
    found = stepped(together, x)
    assert_same(found, stepped(apart, x))
    frozen = [n for n, p in net.named_parameters() if not p.requires_grad]
    assert frozen and all(found[name] is None for name in frozen)
    assert sum(in_batches(together)) == 4


def test_a_block_without_a_part_in_the_loss():
    """Its parameters have no gradient if their group has none."""
    together, apart = twins(nn.ModuleList([mixed(), blocks('ACBConv2d')]))
    for net in (together, apart):
        net.forward = net[0].forward
        net(FIRST).sum().backward()
    assert_same(gradients(together), gradients(apart))


class Two(nn.Module):
    """Two nets that share nothing."""

    def __init__(self):
        super().__init__()
        self.one, self.other = mixed(), mixed()

    def forward(self, x):
        return self.one(x), self.other(x)


def test_losses_that_share_no_layer():
    """Their kernels are one function: the graph stays for the second."""
    together, apart = twins(Two())
    for net in (together, apart):
        first, second = net(FIRST)
        first.square().sum().backward(retain_graph=True)
        assert net.other[0].weight.grad is None
        second.square().sum().backward()
    assert_same(gradients(together), gradients(apart))


MANY = {
    'mixed': mixed(),
    'orepa': blocks('OREPAConv2d').to(memory_format=torch.channels_last),
    'dbb': blocks('DBBConv2d', groups=2),
}


@pytest.mark.parametrize('name', MANY)
def test_gradients_of_many_losses(name, monkeypatch):
    monkeypatch.setattr(batched, '_made', {})
    together, apart = twins(MANY[name])
    found, seeds = [], torch.randn(3, *FIRST.shape, dtype=torch.double)
    for net in (together, apart):
        out, parameters = net(FIRST), list(net.parameters())

        def pull(seed):
            return torch.autograd.grad(
                out, parameters, seed, retain_graph=True)

        found.append(dict(enumerate(torch.func.vmap(pull)(seeds))))
    assert_same(*found)
    assert_same(stepped(together, FIRST), stepped(apart, FIRST))


def test_batches_of_torch_autograd_are_refused():
    together, _ = twins(blocks('RepVGGConv2d'))
    out = together(FIRST)
    with pytest.raises(UserError, match=r'torch\.func\.vmap'):
        torch.autograd.grad(
            out,
            list(together.parameters()),
            torch.stack([out, out]).detach(),
            is_grads_batched=True)


def test_a_step_between_forward_and_backward_is_refused():
    """As it is for other operations: the tensors would be others."""
    together, _ = twins(mixed())
    loss = together(FIRST).square().sum()
    with torch.no_grad():
        together[0].scale.mul_(2)
    with pytest.raises(RuntimeError, match='modified by an inplace'):
        loss.backward()


@pytest.mark.parametrize('dtype', [torch.bfloat16])
def test_autocast(dtype):
    """Kernels are made in the precision of the parameters."""
    together, apart = twins(mixed(torch.float32))
    x = image(torch.float32)
    for net in (together, apart):
        with torch.autocast('cpu', dtype):
            out = net(x)
        assert out.dtype == dtype
        out.float().square().sum().backward()
    assert_same(gradients(together), gradients(apart), 1e-5)
    assert {p.grad.dtype for p in together.parameters()} == {torch.float32}
    assert sum(in_batches(together)) == 4


def test_numerical_gradients():
    net = mmrep.batch_kernels(copy.deepcopy(mixed()))
    found, step = stepped(net, FIRST), 1e-5
    for name, parameter in net.named_parameters():
        direction, losses = torch.randn_like(parameter), []
        for sign in (1, -2):
            parameter.data += sign * step * direction
            losses.append(net(FIRST).square().sum().item())
        parameter.data += step * direction
        expected = (losses[0] - losses[1]) / (2 * step)
        assert (found[name] * direction).sum().item() == pytest.approx(
            expected, rel=1e-4, abs=1e-3), name


class Checkpointed(nn.Sequential):
    """A net whose blocks run again in the backward."""

    def __init__(self, reentrant):
        super().__init__(*mixed())
        self.reentrant = reentrant

    def forward(self, x):
        for layer in self:
            x = checkpoint(layer, x, use_reentrant=self.reentrant)
        return x


def again_without_gradients(net):
    """The target network of a method without labels is the same net."""
    loss = net(FIRST.clone().requires_grad_()).square().sum()
    with torch.no_grad():
        net(SECOND)
    loss.backward()


def by_itself(net):
    """A child runs alone, after a pass of all with other weights."""
    accumulated_with_input(net)
    with mock.patch.object(Checkpointed, 'forward', nn.Sequential.forward):
        net(FIRST)
    net.zero_grad()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(2)
    x = FIRST.clone().requires_grad_()
    out = checkpoint(net[1], x, use_reentrant=net.reentrant)
    out.square().sum().backward()


def accumulated_with_input(net):
    for x in (FIRST, SECOND):
        net(x.clone().requires_grad_()).square().sum().backward()


def siamese_with_input(net):
    first, second = (x.clone().requires_grad_() for x in (FIRST, SECOND))
    (net(first) * net(second)).sum().backward()


def frozen_and_loaded(net):
    """Weights of a frozen block change between passes."""
    net[1].requires_grad_(False)
    net(FIRST.clone().requires_grad_()).square().sum().backward()
    net[1].weight.data.mul_(2)
    net(FIRST.clone().requires_grad_()).square().sum().backward()


@pytest.mark.parametrize('reentrant', [True, False])
@pytest.mark.parametrize('passes', [
    accumulated_with_input, siamese_with_input, again_without_gradients,
    by_itself, frozen_and_loaded
])
def test_blocks_that_run_again(passes, reentrant):
    together, apart = twins(Checkpointed(reentrant))
    for net in (together, apart):
        passes(net)
    assert_same(gradients(together), gradients(apart))
    assert sum(in_batches(together)) == 4
