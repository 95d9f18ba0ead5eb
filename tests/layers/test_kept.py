"""Changes that a kept kernel notices, and cases that keep no kernel."""
import copy
import pickle
import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.utils import parametrize
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import checkpoint

import mmrep
from mmrep import Kernel, keep_kernels
from mmrep.nets.walk import branch_by_branch, rep_layers
from mmrep.testing import randomize_norms

IMAGE = torch.randn(2, 4, 7, 7, dtype=torch.float64)


@pytest.fixture
def layer():
    """Make the block ``norm(conv(x)) + norm(conv_1x1(x))``."""
    torch.manual_seed(0)
    made = mmrep.RepVGGConv2d(
        4, 6, 3, padding=1, bias=False, dtype=torch.float64)
    return randomize_norms(made).eval()


def by_formula(layer, x, weight=None):
    """Compute the same in plain PyTorch."""
    out = 0
    for module, padding in ((layer, 1), (layer.branches['1x1'], 0)):
        norm = module.norm
        own = module.weight if weight is None or padding == 0 else weight
        out = out + F.batch_norm(
            F.conv2d(x, own, None, layer.stride, padding), norm.running_mean,
            norm.running_var, norm.weight, norm.bias, False, 0.1, norm.eps)
    return out


def check(layer):
    with torch.no_grad():
        torch.testing.assert_close(layer(IMAGE), by_formula(layer, IMAGE))


def new_weight(layer):
    layer.weight = nn.Parameter(layer.weight.detach() * 2)


def new_norm(layer):
    layer.norm = nn.BatchNorm2d(6, dtype=torch.float64).eval()


def load(layer):
    state = {k: v + 0.5 for k, v in layer.state_dict().items()}
    layer.load_state_dict(state)


def assign(layer):
    state = {k: v + 0.5 for k, v in layer.state_dict().items()}
    layer.load_state_dict(state, assign=True)


def fused_step(layer):
    try:
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.5, fused=True)
    except RuntimeError as error:  # PyTorch before 2.4 asks for a GPU
        pytest.skip(str(error))
    with torch.enable_grad():
        layer(IMAGE).square().mean().backward()
    optimizer.step()


def more(layer):
    layer.set_options(['1x1', '1xk'], ['kxk', 'branches', 'sum'])
    layer.sum_norm.running_mean.fill_(0.5)


def another_branch(layer):
    """Add a branch without a word to the block, as nobody should."""
    twin = mmrep.RepVGGConv2d(
        4, 6, 3, padding=1, bias=False, dtype=torch.float64)
    layer.branches['3x1'] = twin.branches['1x1'].eval()


def statistics(layer):
    """Let a norm take statistics, which changes no attribute of the block."""
    layer.norm.train()(torch.randn(4, 6, 5, 5, dtype=torch.float64))
    layer.norm.eval()


SEEN = [
    statistics, lambda m: m.weight.add_(1),
    lambda m: m.branches['1x1'].norm.running_mean.fill_(2),
    lambda m: setattr(m.weight, 'data', m.weight.data * 2),
    lambda m: setattr(m.norm, 'eps', 1.0),
    lambda m: setattr(m, 'stride', (2, 2)),
    lambda m: nn.utils.vector_to_parameters(
        torch.linspace(
            0, 1, sum(map(torch.numel, m.parameters())), dtype=torch.float64),
        m.parameters()), new_weight, new_norm, load, assign
]
UNSEEN = [
    lambda m: m.weight.data[:, 1:].zero_(),
    lambda m: m.weight.detach().numpy().__setitem__(1, 0.5),
    lambda m: torch.from_dlpack(m.weight.detach()).fill_(0.25),
    lambda m: m.branches['1x1'].norm.running_var.data.fill_(3), fused_step
]


@pytest.mark.parametrize('change', SEEN + UNSEEN)
def test_nothing_is_stale(layer, change):
    for _ in range(2):
        check(layer)
        with torch.no_grad():
            change(layer)
        check(layer)


@pytest.fixture
def wide():
    """Make a block whose weight has the first channel's tap every 576th."""
    torch.manual_seed(0)
    made = mmrep.RepVGGConv2d(
        64, 64, 3, padding=1, bias=False, branches=['1x1']).double()
    return randomize_norms(made).eval()


@pytest.mark.parametrize('places', [
    (slice(None), slice(1, None)),
    (slice(None), slice(None), 1, 1),
    (63, 63, 2, 2),
])
@torch.no_grad()
def test_values_that_no_sample_shows(wide, places):
    image = torch.randn(1, 64, 5, 5, dtype=torch.float64)
    wide(image)
    wide.weight.data[places] *= 2
    torch.testing.assert_close(wide(image), by_formula(wide, image))


@pytest.mark.parametrize('name', ['SGD', 'Adam', 'Adagrad'])
def test_fused_steps_that_no_sample_shows(wide, name):
    """Weights of the image's first channel, which is empty, stay."""
    image = torch.randn(1, 64, 5, 5, dtype=torch.float64)
    image[:, 0] = 0
    with torch.no_grad():
        wide(image)
    try:
        kind = getattr(torch.optim, name)
        optimizer = kind([wide.weight], lr=0.5, fused=True)
    except (RuntimeError, TypeError) as error:  # PyTorch before 2.4
        pytest.skip(str(error))
    wide(image).square().mean().backward()
    optimizer.step()
    with torch.no_grad():
        torch.testing.assert_close(wide(image), by_formula(wide, image))


@torch.no_grad()
def test_all_layers_of_a_backbone():
    net = mmrep.DBBResNet(18, num_stages=1, out_indices=(0, ))
    randomize_norms(net).eval()
    image = torch.randn(1, 3, 32, 32)
    net(image)
    for layer in rep_layers(net):
        layer.weight.data[:, :, 1, 1] *= 2
    found, = net(image)
    with branch_by_branch(net):
        expected, = net(image)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('change', SEEN)
def test_what_is_seen_while_it_is_kept(layer, change):
    with keep_kernels(layer), torch.no_grad():
        for _ in range(2):
            check(layer)
            change(layer)
            check(layer)


@pytest.mark.parametrize('change', UNSEEN)
def test_the_end_of_keeping(layer, change):
    with keep_kernels(layer), torch.no_grad():
        check(layer)
        change(layer)
    check(layer)


@pytest.mark.parametrize('change', [more, another_branch])
def test_what_is_added_while_it_is_kept(layer, change):
    with keep_kernels(layer), torch.no_grad():
        check(layer)
        change(layer)
        torch.testing.assert_close(layer(IMAGE), layer.forward_branches(IMAGE))


class Scaled(nn.Module):
    """A parametrization, whose state nobody can compare."""
    factor = 1.0

    def forward(self, weight):
        return weight * self.factor


def test_parametrizations_are_not_kept(layer):
    with keep_kernels(layer), torch.no_grad():
        check(layer)
        parametrize.register_parametrization(layer, 'weight', Scaled())
        check(layer)
        layer.parametrizations.weight[0].factor = 3.0
        check(layer)
    assert mmrep.structure(layer)['']['type'] == 'RepVGGConv2d'


def test_what_a_compiler_makes_up_is_not_kept(layer):
    with keep_kernels(layer), torch.no_grad():
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            layer(mode.from_tensor(IMAGE))
        check(layer)


def test_a_norm_that_trains_again(layer):
    with keep_kernels(layer), torch.no_grad():
        check(layer)
        layer.norm.train()
        assert not torch.allclose(layer(IMAGE), by_formula(layer, IMAGE))
        layer.norm.eval()
        check(layer)


def test_the_name_of_the_argument_is_that_of_convolutions(layer):
    assert torch.equal(layer(input=IMAGE), layer(IMAGE))


def test_functional_call(layer):
    weight = torch.randn_like(layer.weight)
    with keep_kernels(layer), torch.no_grad():
        check(layer)
        out = torch.func.functional_call(layer, dict(weight=weight), IMAGE)
        torch.testing.assert_close(out, by_formula(layer, IMAGE, weight))
        check(layer)


def test_inference_tensors_are_not_kept():
    with torch.inference_mode():
        layer = mmrep.RepVGGConv2d(4, 6, 3, padding=1, dtype=torch.float64)
        layer.bias.zero_()
        with keep_kernels(layer.eval()):
            for _ in range(2):
                check(layer)
                layer.weight.add_(1)


def test_copies_keep_nothing(layer):
    with keep_kernels(layer), torch.no_grad():
        check(layer)
        for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            twin.weight.data.mul_(3)
            check(twin)


def test_gradients_are_there_while_it_is_kept(layer):
    with keep_kernels(layer):
        check(layer)
        layer(IMAGE).sum().backward()
    assert layer.weight.grad is not None


@pytest.mark.parametrize('keeps', [True, False])
def test_threads(layer, keeps):
    """Threads set the mode and run, as a server does at each request."""
    expected, failed = by_formula(layer, IMAGE).detach(), []

    def work():
        try:
            for _ in range(30):
                with torch.no_grad():
                    out = layer.eval()(IMAGE)
                torch.testing.assert_close(out, expected)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    with keep_kernels(layer if keeps else nn.Identity()):
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert not failed


class HostCopies(TorchDispatchMode):
    """A record of operations that make a GPU's host wait, or use float64.

    Some devices lack float64.
    """

    NAMES = ('_local_scalar_dense', 'item', 'equal', 'is_nonzero', 'nonzero',
             'unique', 'masked_select')

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if func.overloadpacket.__name__ in self.NAMES or (getattr(
                out, 'dtype', None) == torch.double):
            self.found.append(func)
        return out


KINDS = [
    mmrep.OREPAConv2d, mmrep.DBBConv2d, mmrep.ACBConv2d, mmrep.RepVGGConv2d,
    mmrep.QARepVGGConv2d, mmrep.OREPAVGGConv2d, mmrep.MobileOneConv2d,
    mmrep.LargeKernelConv2d
]


@pytest.mark.parametrize('size', [1, 3, 7])
@pytest.mark.parametrize('kind', KINDS)
def test_no_host_copy_and_no_float64_in_any_forward(kind, size):
    layer = kind(4, 4, size, padding=size // 2)
    for mode in (True, False):
        with HostCopies() as counter:
            layer.train(mode)(IMAGE.float())
            with torch.no_grad():
                layer(IMAGE.float())
                with keep_kernels(layer):
                    layer(IMAGE.float())
                    layer(IMAGE.float())
        assert not counter.found


@pytest.mark.parametrize('size', [1, 3, 7])
@pytest.mark.parametrize('kind', KINDS)
def test_a_forward_reads_no_value(kind, size):
    """The meta device has no values to read."""
    layer = kind(4, 4, size, padding=size // 2, device='meta')
    for mode in (True, False):
        layer.train(mode)
        for context in (torch.no_grad, torch.enable_grad):
            with context(), keep_kernels(layer):
                out = layer(torch.empty(2, 4, 9, 9, device='meta'))
                assert out.shape == (2, 4, 9, 9) and out.is_meta


@pytest.fixture
def other():
    """Make a kernel that differs from all of the layer's own."""
    torch.manual_seed(1)
    weight = torch.randn(6, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    return Kernel(weight, torch.zeros(6, dtype=torch.float64))


def test_a_given_kernel(layer, other):
    layer.give_kernel(other)
    expected = F.conv2d(IMAGE, *other, padding=1)
    assert torch.equal(layer(IMAGE), expected) and layer.kernel() is other
    assert not layer.makes_kernel()
    layer.give_kernel(None)
    assert layer.makes_kernel()
    check(layer)


def test_a_kernel_that_is_kept_comes_first(layer, other):
    with keep_kernels(layer), torch.no_grad():
        check(layer)
        assert not layer.makes_kernel()
        layer.give_kernel(other)
        check(layer)
        layer.give_kernel(None)
        with torch.enable_grad():
            assert layer.makes_kernel()


@pytest.mark.parametrize('reentrant', [True, False])
def test_a_given_kernel_in_a_pass_that_runs_again(layer, other, reentrant):
    """Gradients reach the kernel, or all that makes the layer's own one."""
    x = IMAGE.clone().requires_grad_()
    layer.give_kernel(other)
    out = checkpoint(layer, x, use_reentrant=reentrant)
    layer.give_kernel(None)
    seen = []
    out.register_hook(lambda grad: seen.append(grad))
    out.sum().backward()
    assert (other.weight.grad is None) == reentrant
    assert (layer.weight.grad is None) != reentrant
    with torch.no_grad():
        check(layer)


def test_a_backward_that_runs_the_layer_takes_no_old_kernel(layer, other):
    """A pass without gradients leaves none for a later one."""
    layer.give_kernel(other)
    layer(IMAGE)
    with torch.no_grad():
        layer(IMAGE)
    layer.give_kernel(None)
    x, seen = IMAGE.clone().requires_grad_(), []
    out = x * 1
    out.register_hook(lambda grad: seen.append(layer(IMAGE).detach()))
    out.sum().backward()
    torch.testing.assert_close(seen[0], by_formula(layer, IMAGE).detach())


def test_copies_have_no_given_kernel(layer, other):
    layer.give_kernel(other)
    layer(IMAGE)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin.makes_kernel()
        check(twin)


def test_norms_are_looked_up_once(layer):
    before = layer.norms_inside()
    assert before == [layer.norm, *(b.norm for b in layer.branches.values())]
    assert layer.norms_inside() is before
    new_norm(layer)
    assert layer.norms_inside()[0] is layer.norm
