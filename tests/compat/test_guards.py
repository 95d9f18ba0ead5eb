"""Converters of other libraries refuse blocks instead of damaging them."""
import copy
import importlib
import inspect
import pickle

import mmcv.cnn
import pytest
import torch
import torch.fx.experimental.optimization as optimization
from mmcv.cnn import ConvModule
from mmpretrain.models.backbones import levit
from torch import nn

import mmrep
from mmrep.compat.guards import guard_class
from mmrep.errors import UserError
from mmrep.testing import randomize_norms

from ..refusals import sentence

FIRST = 'mmrep.fuse(model)'


def refused(function, *args, **kwargs):
    assert FIRST in sentence(function, *args, **kwargs)


class Old(nn.Module):
    """A module as of another library, defined before mmrep knows of it."""

    def __init__(self, conv):
        super().__init__()
        self.body = nn.Sequential(conv)
        self.done = []

    def switch_to_deploy(self):
        self.done.append('deploy')

    def fuse(self, verbose=False):
        return self.done.append('fuse')

    def reparameterize(self):
        return self.done.append('reparameterize')


class Fusion(nn.Module):
    """A module whose `fuse` means something else."""

    def __init__(self, conv):
        super().__init__()
        self.conv = conv

    def fuse(self, features=None):
        return sum(features)

    def fuse_model(self, a, b):
        return a + b

    def merge_kernel(self, a, b):
        return a + b

    def _fuse_bn_tensor(self, branch, eps=0):
        return branch

    @staticmethod
    def fuse_bn(conv, bn):
        return conv


class Below(Old):

    def switch_to_deploy(self):
        super().switch_to_deploy()
        self.done.append('below')


@pytest.mark.parametrize('kind', [Old, Below])
@pytest.mark.parametrize('name',
                         ['switch_to_deploy', 'fuse', 'reparameterize'])
def test_methods(kind, name):
    net = kind(mmrep.DBBConv2d(4, 4, 3))
    for each in (net, copy.deepcopy(net)):
        refused(getattr(each, name))
        assert not each.done
    fused = mmrep.fuse(net)
    getattr(fused, name)()
    getattr(kind(nn.Conv2d(4, 4, 3)), name)()
    assert name.split('_')[-1] in fused.done


def test_convolutions_that_are_made_rich_later():
    net = mmrep.reparameterize(Old(nn.Conv2d(4, 4, 3)), 'DBBConv2d')
    refused(net.switch_to_deploy)
    refused(net.fuse, verbose=True)


def test_features_are_fused_still():
    net = Fusion(mmrep.DBBConv2d(4, 4, 3))
    x = torch.ones(1)
    assert net.fuse([x, x]) == net.fuse(features=(x, x)) == 2
    assert net.fuse_model(1, 2) == 3
    x = torch.ones(1)
    assert net.merge_kernel(x, x) == 2


def test_methods_with_arguments():
    net = Fusion(mmrep.DBBConv2d(4, 4, 3))
    refused(net.merge_kernel, 1, 2)
    plain = nn.Conv2d(4, 4, 3)
    for method in (net._fuse_bn_tensor, lambda c: net.fuse_bn(c, None)):
        refused(method, net.conv)
        refused(method, nn.Sequential(plain, net.conv))
        assert method(plain) is plain  # though `self` has a block
    refused(net._fuse_bn_tensor, branch=net.conv)


@pytest.mark.parametrize('home, kind', [
    ('replknet', 'ReparamLargeKernelConv'),
    ('repmlp', 'RepMLPBlock'),
])
def test_functions_of_hosts(home, kind):
    module = importlib.import_module(f'mmpretrain.models.backbones.{home}')
    guard_class(getattr(module, kind))
    norm = nn.BatchNorm2d(4)
    refused(module.fuse_bn, mmrep.DBBConv2d(4, 4, 3), norm)
    assert len(module.fuse_bn(nn.Conv2d(4, 4, 3, bias=False), norm)) == 2


class Wrapper(nn.Module):
    """A model that does not run on an image."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone

    def forward(self, inputs):
        return self.backbone(inputs['x'])


class Converted(nn.Sequential):

    def switch_to_deploy(self):
        return self[0].weight


def test_biases_that_hosts_leave_out():
    net = Wrapper(
        Converted(
            mmrep.DBBConv2d(4, 4, 3, bias=False), nn.BatchNorm2d(4),
            nn.ReLU())).eval()
    fused = mmrep.fuse(randomize_norms(net))
    for each in (fused, copy.deepcopy(fused)):
        with pytest.raises(UserError, match='`example`') as error:
            each.backbone.switch_to_deploy()
        assert '\n' not in str(error.value)
    mmcv.cnn.fuse_conv_bn(copy.deepcopy(fused))  # it knows biases
    x = dict(x=torch.randn(1, 4, 8, 8))
    mmrep.fuse(net, (x, )).backbone.switch_to_deploy()
    fused.backbone[1] = nn.Identity()
    fused.backbone.switch_to_deploy()  # no norm behind the bias


def test_biases_of_their_own_are_free():
    net = Converted(mmrep.DBBConv2d(4, 4, 3), nn.BatchNorm2d(4))
    mmrep.fuse(Wrapper(net)).backbone.switch_to_deploy()


def test_our_own_are_free():
    layer = mmrep.DBBConv2d(4, 4, 3)
    assert type(layer.fuse()) is nn.Conv2d

    class Own(mmrep.RepVGGConv2d):

        def fuse(self):
            return super().fuse()

    assert type(Own(4, 4, 3).fuse()) is nn.Conv2d


@pytest.mark.parametrize('name, arch', [('RepVGG', 'A0'), ('MobileOne', 's0')])
def test_hosts(name, arch):
    import mmpretrain.models.backbones as backbones
    with torch.device('meta'):
        net = getattr(backbones, name)(arch)
        mmrep.reparameterize(net, 'DBBConv2d')
    refused(net.switch_to_deploy)
    block = next(m for m in net.modules()
                 if hasattr(m, 'reparameterize') and m is not net)
    refused(block.reparameterize)


def test_large_kernels_of_hosts():
    from mmpretrain.models.backbones.replknet import ReparamLargeKernelConv
    net = ReparamLargeKernelConv(4, 4, 7, 1, 4, 3)
    mmrep.reparameterize(net, 'DBBConv2d', kernel_size=3)
    refused(net.merge_kernel)
    refused(net.get_equivalent_kernel_bias)


@pytest.mark.parametrize('function',
                         [mmcv.cnn.fuse_conv_bn, levit.fuse_conv_bn])
def test_mmcv(function):
    net = nn.Sequential(
        nn.Conv2d(4, 4, 1), nn.ReLU(), mmrep.DBBConv2d(4, 4, 3),
        nn.BatchNorm2d(4))
    randomize_norms(net).eval()
    before = copy.deepcopy(net.state_dict())
    refused(function, net)
    refused(function, nn.Sequential(net))
    assert all(before[k].equal(v) for k, v in net.state_dict().items())
    x = torch.randn(1, 4, 8, 8)
    expected = net(x)
    fused = function(mmrep.fuse(net))
    assert type(fused[3]) is nn.Identity
    assert torch.allclose(expected, fused(x), atol=1e-5)


@pytest.mark.parametrize('home',
                         [torch.nn.utils, torch.nn.utils.fusion, optimization])
def test_torch(home):
    layer, norm = mmrep.DBBConv2d(4, 4, 3).eval(), nn.BatchNorm2d(4).eval()
    refused(home.fuse_conv_bn_eval, layer, norm)
    refused(home.fuse_conv_bn_eval, conv=layer, bn=norm)
    refused(mmcv.cnn.fuse_conv_bn, [layer])
    conv = home.fuse_conv_bn_eval(nn.Conv2d(4, 4, 3).eval(), norm)
    assert conv.bias is not None


def test_signatures_stay():
    names = inspect.signature(torch.nn.utils.fuse_conv_bn_eval).parameters
    assert list(names) == ['conv', 'bn', 'transpose']
    assert mmcv.cnn.fuse_conv_bn.__name__ == 'fuse_conv_bn'


def test_quantisation_fuser_of_torch():
    from torch.ao.quantization.fuser_method_mappings import fuse_conv_bn
    layer, norm = mmrep.DBBConv2d(4, 4, 3).eval(), nn.BatchNorm2d(4).eval()
    refused(fuse_conv_bn, False, layer, norm)


def test_a_module_that_reads_a_weight():
    """TOOD takes the weight of its reduction and never runs it."""
    from mmdet.models.dense_heads.tood_head import TaskDecomposition
    plain = TaskDecomposition(4, 2, 1)
    x = torch.randn(1, 8, 5, 5)
    assert plain(x).shape == (1, 4, 5, 5)
    net = TaskDecomposition(4, 2, 1, conv_cfg=dict(type='DBBConv2d'))
    with pytest.raises(UserError, match='reduction_conv.conv'):
        net(x)


def test_another_that_reads_a_weight():
    """K-Net's first kernels are the weight of a convolution."""
    from mmseg.models.decode_heads.knet_head import IterativeDecodeHead
    head = IterativeDecodeHead.__new__(IterativeDecodeHead)
    nn.Module.__init__(head)
    head.kernel_generate_head = nn.ModuleDict(
        dict(conv_seg=mmrep.DBBConv2d(4, 4, 1)))
    with pytest.raises(UserError, match='kernel_generate_head.conv_seg'):
        head([torch.randn(1, 4, 5, 5)])


def test_mmcvs_conv_module_that_fuses_on_the_fly():
    module = ConvModule(
        4,
        4,
        3,
        conv_cfg=dict(type='DBBConv2d'),
        norm_cfg=dict(type='BN'),
        efficient_conv_bn_eval=True).eval()
    refused(module, torch.randn(1, 4, 8, 8))
    assert mmrep.fuse(module)(torch.randn(1, 4, 8, 8)).shape[1] == 4


def test_a_method_by_another_name():

    class Alias(Old):

        def switch_to_deploy(self):
            return self.body[0].weight

        deploy = switch_to_deploy

    refused(Alias(mmrep.DBBConv2d(4, 4, 3)).deploy)


def made_later(**functions):
    """Make a class that the guards have not seen, found by its name."""
    kind = type('Later', (Old, ), dict(functions, __module__=__name__))
    globals()['Later'] = kind
    return kind


def test_a_net_from_a_pickle():
    """The class of the net is there, but has not registered a child."""
    first = made_later()
    data = pickle.dumps(first(mmrep.DBBConv2d(4, 4, 3)))
    made_later(switch_to_deploy=lambda self: self.done.append('deploy'))
    net = pickle.loads(data)
    assert type(net) is not first
    refused(net.switch_to_deploy)
    assert not net.done
