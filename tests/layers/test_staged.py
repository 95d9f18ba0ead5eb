"""The border of the image between the two convolutions of a branch."""
import copy

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from mmrep import DBBConv2d
from mmrep.testing import randomize_norms


def layer():
    torch.manual_seed(0)
    made = DBBConv2d(8, 8, 3, padding=1, bias=False, dtype=torch.float64)
    return randomize_norms(made).train()


@pytest.mark.parametrize('reentrant', [True, False])
def test_checkpointed_activations_have_the_same_gradients(reentrant):
    plain, x = layer(), torch.randn(2, 8, 9, 9, dtype=torch.float64)
    recomputed = copy.deepcopy(plain)
    x.requires_grad_()
    cotangent = torch.randn(2, 8, 9, 9, dtype=torch.float64)
    for _ in range(2):  # the first step's statistics must not stay
        for net in (plain, recomputed):
            net.zero_grad()
        plain(x).backward(cotangent)
        checkpoint(recomputed, x, use_reentrant=reentrant).backward(cotangent)
        for (name, a), b in zip(plain.named_parameters(),
                                recomputed.parameters()):
            torch.testing.assert_close(a.grad, b.grad, msg=name)
        recomputed.load_state_dict(plain.state_dict())  # its norms count twice


@pytest.mark.parametrize('reentrant', [True, False])
def test_several_calls_in_a_step(reentrant):
    """A layer may run on two views of a batch or on levels of a pyramid."""
    plain = layer()
    recomputed = copy.deepcopy(plain)
    views = [
        torch.randn(2, 8, n, n, dtype=torch.float64) * n + n for n in (9, 5, 9)
    ]
    for view in views:
        view.requires_grad_()
    sum(plain(view).square().mean() for view in views).backward()
    sum(
        checkpoint(recomputed, view, use_reentrant=reentrant).square().mean()
        for view in views).backward()
    for (name, a), b in zip(plain.named_parameters(), recomputed.parameters()):
        torch.testing.assert_close(a.grad, b.grad, msg=name)


def test_the_border_follows_the_running_statistics():
    branch = layer().branches['1x1_kxk']
    x = torch.randn(2, 8, 9, 9, dtype=torch.float64)
    before = branch.edge(x).clone()
    branch.first_norm.running_mean += 1
    assert not branch.edge(x).equal(before)
    branch.eval()
    expected = branch.edge(x).clone()
    assert branch.train().edge(x).equal(expected)


@pytest.mark.parametrize('channels', [0, 3, -2, 4.0, True])
def test_impossible_channels(channels):
    with pytest.raises(ValueError, match=rf'`channels` \(={channels}\)'):
        DBBConv2d(
            8, 8, 3, groups=2, branches={'1x1_kxk': dict(channels=channels)})


@pytest.mark.parametrize('name', ['weight', 'bias'])
@pytest.mark.parametrize('branch', ['1x1_kxk', '1x1_average'])
def test_the_gradient_through_the_border(branch, name):
    """The gradient agrees with differences that move the border, too."""
    net, step = layer(), 1e-5
    for norm in net.norms_inside():
        norm.momentum = 0.  # else each forward pass moves the border
    x = torch.randn(2, 8, 3, 3, dtype=torch.float64)  # all near the border
    cotangent = torch.randn(2, 8, 3, 3, dtype=torch.float64)
    (net(x) * cotangent).sum().backward()
    tensor = getattr(net.branches[branch].first_norm, name)
    values = []
    with torch.no_grad():
        for change in (step, -2 * step):
            tensor[0] += change
            values.append((net(x) * cotangent).sum())
    expected = (values[0] - values[1]) / (2 * step)
    torch.testing.assert_close(tensor.grad[0], expected, rtol=1e-5, atol=1e-8)


def staged(difference):
    """Make a block of one branch, with or without a stored difference."""
    torch.manual_seed(0)
    made = DBBConv2d(
        8,
        8,
        3,
        padding=1,
        groups=2,
        bias=False,
        branches={'1x1_kxk': dict(difference=difference)})
    return randomize_norms(made).double()


@pytest.mark.parametrize('before', [True, False])
@pytest.mark.parametrize('after', [True, False])
def test_difference_is_told_by_the_weights(before, after):
    """A block of one kind becomes one of the other kind as it loads."""
    saved, other = staged(before), staged(after)
    with torch.no_grad():
        saved.branches['1x1_kxk'].first.normal_()
    other.load_state_dict(saved.state_dict())
    assert other.config() == saved.config()
    assert other.config()['branches']['1x1_kxk']['difference'] == before
    x = torch.randn(2, 8, 9, 9).double()
    assert other.eval()(x).equal(saved.eval()(x))


def test_without_difference_it_is_the_kernel_itself():
    plain, usual = staged(False), staged(True)
    eye = torch.eye(4).repeat(2, 1)[:, :, None, None].double()
    with torch.no_grad():
        for name, tensor in plain.state_dict().items():
            if not name.endswith('whole'):
                usual.state_dict()[name].copy_(tensor)
        usual.branches['1x1_kxk'].first -= eye
    x = torch.randn(2, 8, 9, 9).double()
    torch.testing.assert_close(plain.train()(x), usual.train()(x))
    torch.testing.assert_close(plain.eval()(x), usual.eval()(x))
    plain.reset_parameters()
    assert plain.branches['1x1_kxk'].first.std() > 0.1


@pytest.mark.parametrize('value', [0, None, 'no'])
def test_difference_is_a_flag(value):
    with pytest.raises(ValueError, match='`difference` .* True or False'):
        staged(value)
