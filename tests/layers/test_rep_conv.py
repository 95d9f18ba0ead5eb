"""The promises of all blocks, over the geometry of convolutions."""
import copy
import pickle

import pytest
import torch
from mmcv.cnn import ConvModule
from mmengine.model import ExponentialMovingAverage
from mmengine.registry import MODELS
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

import mmrep
from mmrep import RepConv2d, keep_kernels
from mmrep.testing import randomize_norms

LAYERS = [
    mmrep.OREPAConv2d, mmrep.DBBConv2d, mmrep.ACBConv2d, mmrep.RepVGGConv2d,
    mmrep.QARepVGGConv2d, mmrep.OREPAVGGConv2d, mmrep.MobileOneConv2d,
    mmrep.LargeKernelConv2d
]
GEOMETRIES = [
    dict(kernel_size=1),
    dict(kernel_size=1, stride=2, groups=2),
    dict(kernel_size=3, padding=1),
    dict(kernel_size=3, stride=2, padding=1, groups=2),
    dict(kernel_size=3, padding=2, dilation=2, groups=8),
    dict(kernel_size=3, padding=4, dilation=4, padding_mode='reflect'),
    dict(kernel_size=3, stride=(1, 2), padding=(3, 0)),
    dict(kernel_size=(3, 5), padding=(0, 4), dilation=(1, 2)),
    dict(kernel_size=(1, 3), padding='same', padding_mode='circular'),
    dict(kernel_size=4, padding='same'),
    dict(kernel_size=2, stride=2),
    dict(kernel_size=5, padding='valid', groups=4),
    dict(kernel_size=7, stride=2, padding=3),
    dict(kernel_size=(7, 1), padding=(3, 0), groups=2),
    dict(kernel_size=8, padding=3, dilation=2),
]

pytestmark = [
    pytest.mark.parametrize('cls', LAYERS, ids=lambda cls: cls.__name__)
]
over_geometry = pytest.mark.parametrize('geometry', GEOMETRIES, ids=str)


def make(cls, geometry, bias=True, dtype=torch.float64, **kwargs):
    torch.manual_seed(0)
    layer = cls(8, 8, bias=bias, dtype=dtype, **geometry, **kwargs)
    return randomize_norms(layer).eval()


def image(dtype=torch.float64):
    return torch.randn(2, 8, 21, 22, dtype=dtype)


def relative(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


@over_geometry
@pytest.mark.parametrize('bias', [True, False])
def test_fuse(cls, geometry, bias):
    layer = make(cls, geometry, bias)
    conv, x = layer.fuse(), image()
    assert type(conv) is nn.Conv2d
    assert relative(conv(x), layer.forward_branches(x)) < 1e-10
    assert relative(conv(x), layer(x)) < 1e-10
    single, x = layer.float().fuse(), x.float()
    assert relative(single(x), layer.forward_branches(x)) < 1e-5


@over_geometry
@pytest.mark.parametrize('bias', [True, False])
def test_from_conv(cls, geometry, bias):
    conv = nn.Conv2d(8, 8, bias=bias, dtype=torch.float64, **geometry).eval()
    x = image()
    expected = conv(x)
    layer = cls.from_conv(conv)
    assert layer.origin is conv.weight and layer.bias is conv.bias
    assert relative(layer(x), expected) < 1e-12
    assert torch.equal(conv(x), expected)
    assert not layer.training


@over_geometry
@pytest.mark.parametrize('bias', [True, False])
def test_loads_a_plain_checkpoint(cls, geometry, bias):
    conv = nn.Conv2d(8, 8, bias=bias, dtype=torch.float64, **geometry)
    layer, x = make(cls, geometry, bias), image()
    model = nn.Sequential(nn.Sequential(layer))
    before = layer(x)
    model.load_state_dict(nn.Sequential(nn.Sequential(conv)).state_dict())
    assert relative(layer(x), before) > 1e-3  # not from a cache
    assert relative(layer(x), conv(x)) < 1e-12


def test_a_plain_weight_that_does_not_fit_changes_nothing(cls):
    layer, conv = make(cls, GEOMETRIES[2]), nn.Conv2d(4, 8, 3)
    before = layer.kernel().weight.clone()
    load_state_dict(layer, conv.state_dict())
    assert torch.equal(layer.kernel().weight, before)


@over_geometry
def test_every_branch_regrows_after_a_plain_checkpoint(cls, geometry):
    layer = cls.from_conv(nn.Conv2d(8, 8, dtype=torch.float64,
                                    **geometry)).train()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    before = {k: v.clone() for k, v in layer.named_parameters()}
    for _ in range(5):
        optimizer.zero_grad()
        layer(image()).pow(2).mean().backward()
        optimizer.step()
    still = [k for k, v in layer.named_parameters() if v.equal(before[k])]
    # the norm behind does not see this shift: its gradient is zero
    assert all(name.endswith('.first_norm.bias') for name in still)


@over_geometry
def test_state_dict_round_trip(cls, geometry):
    layer, other = make(cls, geometry), make(cls, geometry)
    for parameter in other.parameters():
        nn.init.normal_(parameter)
    other.load_state_dict(layer.state_dict())
    x = image()
    assert torch.equal(other(x), layer(x))


def test_gradients_flow_through_the_kernel_in_eval(cls):
    layer, x = make(cls, GEOMETRIES[2]), image()
    layer(x).pow(2).sum().backward()
    grads = {k: p.grad.clone() for k, p in layer.named_parameters()}
    layer.zero_grad()
    layer.forward_branches(x).pow(2).sum().backward()
    for name, parameter in layer.named_parameters():
        torch.testing.assert_close(parameter.grad, grads[name])


class TestKernelInUse:
    """The kernel is that of the present weights, and kept only on request."""

    @pytest.fixture
    def layer(self, cls, monkeypatch):
        layer = make(cls, GEOMETRIES[2])
        layer.made = 0
        kernel = layer.merge

        def counted():
            layer.made += 1
            return kernel()

        monkeypatch.setattr(layer, 'merge', counted)
        return layer

    def check(self, layer, x):
        with torch.no_grad():
            assert relative(layer(x), layer.forward_branches(x)) < 1e-10

    def test_made_in_each_pass(self, layer):
        with torch.no_grad():
            for _ in range(3):
                layer(image())
        assert layer.made == 3

    def test_kept_where_asked_for(self, layer):
        x = image()
        with keep_kernels(layer), torch.no_grad():
            for _ in range(3):
                self.check(layer, x)
            with torch.inference_mode():
                layer(x)
        assert layer.made == 1

    def test_calibrated_where_frozen(self, layer):
        """Statistics move in training mode, whatever is trained."""
        layer.requires_grad_(False).train()
        norms = layer.norms_inside()
        before = [norm.running_var.clone() for norm in norms]
        layer(image())
        assert not any(
            map(torch.equal, before, (n.running_var for n in norms)))

    def test_not_used_where_gradients_are_wanted(self, layer):
        with torch.no_grad():
            layer(image())
        layer(image()).sum().backward()
        assert layer.origin.grad is not None

    def test_usable_outside_of_inference_mode(self, layer):
        x = image().requires_grad_()
        layer.requires_grad_(False)
        with keep_kernels(layer):
            with torch.inference_mode():
                layer(x.detach())
            with torch.no_grad():
                layer(x)
            assert layer.made == 1
            layer(x).sum().backward()
        assert x.grad is not None

    def test_training_step(self, layer):
        x = image()
        self.check(layer, x)
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
        layer.train()(x).pow(2).mean().backward()
        optimizer.step()
        layer.eval()
        self.check(layer, x)

    def test_step_without_a_change_of_mode(self, layer):
        x = image()
        self.check(layer, x)
        layer(x).pow(2).mean().backward()
        torch.optim.SGD(layer.parameters(), lr=0.5).step()
        self.check(layer, x)

    def test_load(self, cls, layer):
        x = image()
        self.check(layer, x)
        other = make(cls, GEOMETRIES[2])
        for parameter in other.parameters():
            nn.init.uniform_(parameter)
        layer.load_state_dict(other.state_dict())
        self.check(layer, x)
        assert torch.equal(layer(x), other(x))

    def test_to(self, layer):
        x = image()
        self.check(layer, x)
        layer.float()
        with torch.no_grad():
            assert layer(x.float()).dtype == torch.float32

    def test_new_data_at_an_old_address(self, layer):
        x = image()
        self.check(layer, x)
        for _ in range(3):
            layer.origin.data = torch.randn_like(layer.origin)
            self.check(layer, x)

    def test_data_written_behind_the_counter(self, layer):
        # mmengine's EMAHook swaps weights so around evaluation
        x = image()
        self.check(layer, x)
        layer.origin.data.mul_(2)
        self.check(layer, x)
        layer.origin.data[:, 1:] = 0
        self.check(layer, x)
        layer.origin.detach().numpy()[1] = 0.5
        self.check(layer, x)
        torch.from_dlpack(layer.origin.detach())[0] = 0.5
        self.check(layer, x)

    def test_fused_optimizer(self, layer):
        x = image()
        self.check(layer, x)
        layer(x).pow(2).mean().backward()
        try:
            adam = torch.optim.Adam(layer.parameters(), lr=0.5, fused=True)
        except RuntimeError as error:  # PyTorch before 2.4 asks for a GPU
            pytest.skip(str(error))
        adam.step()
        self.check(layer, x)

    def test_momentum_encoder(self, cls):
        # MoCo's runs in train mode and without gradients
        layer = make(cls, GEOMETRIES[2])
        for norm in layer.norms_inside():
            norm.requires_grad_(False)
        average = ExponentialMovingAverage(layer, momentum=0.5)
        twin, x = average.module.requires_grad_(False), image()
        for mode in (True, False):
            twin.train(mode)
            for norm in twin.norms_inside():
                norm.eval()
            self.check(twin, x)
            with torch.no_grad():
                layer.origin.add_(1)
            average.update_parameters(layer)
            self.check(twin, x)

    def test_replicas_of_data_parallel(self, layer):
        x = image()
        self.check(layer, x)
        replica = layer._replicate_for_data_parallel()
        for name, parameter in layer._parameters.items():
            setattr(replica, name, parameter)
        assert replica(x).requires_grad

    def test_traced(self, layer):
        x = image()
        traced = torch.jit.trace(layer, x)
        assert relative(traced(x), layer(x)) < 1e-10

    def test_functional(self, layer):
        x = image()
        values = {
            k: torch.stack([v, v + 1]).detach()
            for k, v in layer.named_parameters()
        }
        out = torch.vmap(
            lambda values: torch.func.functional_call(layer, values, x))(
                values)
        assert relative(out[0], layer(x)) < 1e-10
        assert relative(out[1], layer(x)) > 1e-3

    def test_copies(self, cls):
        layer, x = make(cls, GEOMETRIES[2]), image()
        self.check(layer, x)
        for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            with torch.no_grad():
                twin.origin.mul_(3)
            self.check(twin, x)
            self.check(layer, x)


def test_autocast_makes_the_kernel_in_float32(cls):
    layer = make(cls, GEOMETRIES[3], dtype=torch.float32)
    expected = layer.kernel().weight
    with torch.autocast('cpu', dtype=torch.bfloat16), torch.no_grad():
        assert torch.equal(layer.kernel().weight, expected)
        assert layer(image(torch.float32)).dtype == torch.bfloat16
        layer.train()
        assert layer(image(torch.float32)).isfinite().all()


def test_conv_cfg_in_a_conv_module(cls):
    module = ConvModule(
        8,
        16,
        3,
        padding=1,
        conv_cfg=dict(type=cls.__name__),
        norm_cfg=dict(type='BN'))
    assert type(module.conv) is cls and module.conv.bias is None
    module.init_weights()
    assert MODELS.get(cls.__name__) is cls
    for scope in ('mmdet', 'mmseg', 'mmpretrain'):
        with MODELS.switch_scope_and_registry(scope) as registry:
            assert registry.get(cls.__name__) is cls
    assert module(torch.randn(2, 8, 9, 9)).shape == (2, 16, 9, 9)


def test_is_no_plain_conv_to_its_hosts(cls):
    assert not issubclass(cls, nn.Conv2d)
    names = {base.__name__ for base in cls.__mro__}
    assert 'Conv2d' not in names and issubclass(cls, RepConv2d)


@pytest.mark.parametrize('arguments, message', [
    (dict(in_channels=6, groups=4), r'`in_channels` \(=6\) must be divisible '
     r'by `groups` \(=4\)'),
    (dict(out_channels=6, groups=4), r'`out_channels` \(=6\)'),
    (dict(groups=0), r'`groups` \(=0\) must be at least 1'),
    (dict(in_channels=0), r'`in_channels` \(=0\) must be at least 1'),
    (dict(kernel_size=(3, 0)), r'`kernel_size` \(=\(3, 0\)\)'),
    (dict(stride=-1), r'`stride` \(=-1\)'),
    (dict(dilation=1.5), r'`dilation` \(=1.5\)'),
    (dict(padding=-1), r'`padding` \(=-1\) must be at least 0'),
    (dict(kernel_size=(3, 3, 3)), 'must be one number or two'),
    (dict(padding_mode='mirror'), 'padding_mode'),
])
def test_impossible_arguments(cls, arguments, message):
    defaults = dict(in_channels=8, out_channels=8, kernel_size=3)
    with pytest.raises(ValueError, match=message):
        cls(**{**defaults, **arguments})


@pytest.mark.parametrize(
    'conv',
    [nn.ConvTranspose2d(4, 4, 3), nn.Linear(4, 4)], ids=str)
def test_from_conv_of_something_else(cls, conv):
    with pytest.raises(TypeError, match=type(conv).__name__):
        cls.from_conv(conv)


def test_a_method_that_a_block_lacks(cls):

    class Half(cls):
        merge = RepConv2d.merge
        branch_kernels = RepConv2d.branch_kernels

    ways = '`branch_kernels`, or `merge` and `forward_branches`'
    with pytest.raises(
            NotImplementedError, match=f'Half must implement {ways}, as'):
        make(Half, GEOMETRIES[2]).fuse()

    class Loud(cls):
        silence = RepConv2d.silence

    with pytest.raises(NotImplementedError, match='Loud must implement `sil'):
        Loud.from_conv(nn.Conv2d(4, 4, 3))
