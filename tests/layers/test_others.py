"""Blocks work with other code for convolutions, or say why they do not."""
import copy
from inspect import signature

import onnx
import onnxruntime
import pytest
import torch
import torch.distributed as dist
from mmcv.cnn import ConvModule
from mmengine.analysis import get_model_complexity_info
from mmengine.model import revert_sync_batchnorm
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models.feature_extraction import create_feature_extractor

import mmrep
from mmrep import UserError
from mmrep.nets.walk import branch_by_branch
from mmrep.testing import randomize_norms

KINDS = [
    mmrep.OREPAConv2d, mmrep.DBBConv2d, mmrep.ACBConv2d, mmrep.RepVGGConv2d,
    mmrep.QARepVGGConv2d, mmrep.OREPAVGGConv2d, mmrep.MobileOneConv2d,
    mmrep.LargeKernelConv2d
]
IMAGE = torch.randn(2, 4, 8, 8)
# PyTorch 2.1 knows no other way
BY_TRACING = dict(dynamo=False) if 'dynamo' in signature(
    torch.onnx.export).parameters else {}
over_kinds = pytest.mark.parametrize('kind', KINDS)


def plain_net():
    torch.manual_seed(1)
    return randomize_norms(
        nn.Sequential(
            nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
            nn.Conv2d(4, 6, 1)))


def fresh_net(kind):
    return nn.Sequential(
        kind(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
        kind(4, 6, 1)).eval()


def rich_net(kind):
    torch.manual_seed(0)
    return randomize_norms(fresh_net(kind))


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@over_kinds
@pytest.mark.parametrize('mode', [True, False])
def test_symbolic_trace(kind, mode):
    net = rich_net(kind).train(mode)
    traced = torch.fx.symbolic_trace(copy.deepcopy(net))
    assert type(traced.get_submodule('0')) is kind
    assert torch.equal(traced(IMAGE), net(IMAGE))


class Apart(nn.Module):
    """A module that calls a block's branches itself."""

    def __init__(self, block):
        super().__init__()
        self.block = block

    def forward(self, x):
        return self.block.forward_branches(x)


@over_kinds
@pytest.mark.parametrize('mode', [True, False])
def test_symbolic_trace_branch_by_branch(kind, mode):
    net = rich_net(kind).train(mode)
    apart = Apart(net[0])

    def of(module):  # a copy, since running statistics move
        return copy.deepcopy(module)(IMAGE)

    close(of(torch.fx.symbolic_trace(apart)), of(apart))
    expected = of(net)
    with branch_by_branch(net):
        traced = torch.fx.symbolic_trace(net)
        close(of(traced), expected)
    close(of(traced), expected)
    with branch_by_branch(net), pytest.raises(UserError, match='trace'):
        torch.fx.symbolic_trace(net[0])


@over_kinds
def test_symbolic_trace_of_a_layer(kind):
    with pytest.raises(UserError, match=r'trace mmrep\.fuse\(layer\)'):
        torch.fx.symbolic_trace(kind(4, 4, 3))


@over_kinds
def test_feature_extractor(kind):
    net = rich_net(kind)
    found = create_feature_extractor(net, ['0', '3'])(IMAGE)
    assert torch.equal(found['0'], net[0](IMAGE))
    assert torch.equal(found['3'], net(IMAGE))


@over_kinds
def test_onnx_export_by_tracing(kind, tmp_path):
    net, path = rich_net(kind), str(tmp_path / 'net.onnx')
    torch.onnx.export(net, IMAGE, path, **BY_TRACING)
    nodes = [n.op_type for n in onnx.load(path).graph.node]
    assert nodes.count('Conv') == 2
    assert set(nodes) <= {'Conv', 'Relu', 'Constant', 'Identity'}
    session = onnxruntime.InferenceSession(path)
    out, = session.run(None, {session.get_inputs()[0].name: IMAGE.numpy()})
    close(torch.from_numpy(out), net(IMAGE).detach())


@over_kinds
def test_made_on_the_meta_device(kind):
    plain, rich = plain_net().eval(), rich_net(kind)
    for source in (plain, rich):
        with torch.device('meta'):
            net = fresh_net(kind)
        net.load_state_dict(source.state_dict(), assign=True)
        assert not any(t.is_meta for t in (*net.parameters(), *net.buffers()))
        close(net(IMAGE), source(IMAGE))
        close(mmrep.fuse(net)(IMAGE), source(IMAGE))


@over_kinds
def test_memory_without_values(kind):
    """``to_empty`` and loading also restore the constants."""
    rich = rich_net(kind)
    with torch.device('meta'):
        net = fresh_net(kind)
    net.to_empty(device='cpu')
    net.load_state_dict(rich.state_dict())
    close(net(IMAGE), rich(IMAGE))


@over_kinds
@pytest.mark.parametrize('mode', [True, False])
@pytest.mark.parametrize('bias', [True, False])
def test_autocast_gives_the_dtype_of_a_convolution(kind, mode, bias):
    layer = kind(4, 4, 3, padding=1, bias=bias).train(mode)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert layer(IMAGE).dtype == torch.bfloat16
        assert layer.forward_branches(IMAGE).dtype == torch.bfloat16


@over_kinds
def test_an_image_without_a_batch(kind):
    layer = rich_net(kind)[0]
    for out in (layer(IMAGE[0]), layer.forward_branches(IMAGE[0]),
                layer.fuse()(IMAGE[0])):
        close(out, layer(IMAGE)[0])


@over_kinds
def test_no_child_is_none(kind):
    net = rich_net(kind)
    for module in net.modules():
        assert None not in module._modules.values()
    assert all(p.is_contiguous() for p in net.parameters())
    memory = [
        t.untyped_storage().data_ptr() for t in net.state_dict().values()
    ]
    assert len(set(memory)) == len(memory)  # safetensors asks for it
    vector = nn.utils.parameters_to_vector(net.parameters())
    nn.utils.vector_to_parameters(vector * 2, net.parameters())
    assert torch.equal(
        net[1].weight,
        vector[-len(nn.utils.parameters_to_vector(net[3].parameters())) -
               8:][:4] * 2)


@pytest.mark.parametrize('kind', [k for k in KINDS if k != mmrep.OREPAConv2d])
def test_norms_that_others_converted(kind):
    layer = kind(4, 4, 3, norm_cfg=dict(type='BN', eps=1e-3))
    assert layer.options()['norm_cfg'] == dict(type='BN', eps=1e-3)
    synced = nn.SyncBatchNorm.convert_sync_batchnorm(layer)
    assert synced.options()['norm_cfg'] == dict(type='SyncBN', eps=1e-3)
    synced.set_options(['5x5', '1x1', '1xk'], ['kxk', 'branches', 'sum'])
    assert all(isinstance(n, nn.SyncBatchNorm) for n in synced.norms_inside())
    back = revert_sync_batchnorm(synced)
    assert back.options()['norm_cfg'] == dict(type='BN', eps=1e-3)
    back.set_options(['1x1', 'kx1'], ['kxk', 'branches'])
    assert type(back.branches['kx1'].norm) is nn.BatchNorm2d
    assert back.branches['kx1'].norm.eps == 1e-3
    for norm in back.norms_inside():
        norm.eps, norm.momentum = 0.1, 0.03
    assert mmrep.structure(back)['']['norm_cfg'] == dict(
        type='BN', eps=0.1, momentum=0.03)


def test_norms_of_a_block_inside_are_its_own():
    inner = dict(type='RepVGGConv2d', norm_cfg=dict(type='BN', eps=0.02))
    layer = mmrep.DBBConv2d(4, 4, 3, kxk=inner)
    assert layer.norm_cfg == dict(type='BN')
    assert layer.kxk.norm_cfg == dict(type='BN', eps=0.02)


@over_kinds
def test_efficient_conv_bn_eval(kind):
    module = ConvModule(
        4,
        4,
        3,
        conv_cfg=dict(type=kind.__name__),
        norm_cfg=dict(type='BN'),
        efficient_conv_bn_eval=True).eval()
    with pytest.raises(UserError, match=r'what `mmrep\.fuse\(model\)` gives'):
        module(IMAGE)


@over_kinds
def test_counters_of_operations(kind):
    """PyTorch counts what runs, mmengine also the making of kernels."""
    net = rich_net(kind)
    fused, found = mmrep.fuse(net), []
    for model in (net, fused):
        info = get_model_complexity_info(model, (4, 8, 8))
        assert type(model[0]).__name__ in info['out_arch']
        assert info['params'] == sum(p.numel() for p in model.parameters())
        found.append(info['flops'])
    convs = 64 * (4 * 4 * 9 + 6 * 4)
    assert found[1] >= convs and found[0] >= found[1]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        fused(IMAGE)
    assert counter.get_total_flops() == 2 * len(IMAGE) * convs
    with mmrep.keep_kernels(net), torch.no_grad():
        net(IMAGE)
        with FlopCounterMode(display=False) as counter:
            net(IMAGE)
    assert counter.get_total_flops() == 2 * len(IMAGE) * convs


@pytest.fixture
def one_process(tmp_path):
    dist.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize('each', [True, False], ids=['layers', 'net'])
def test_fully_sharded(one_process, each):
    fsdp = pytest.importorskip('torch.distributed.fsdp')
    if not hasattr(fsdp, 'fully_shard'):
        pytest.skip('it came with PyTorch 2.6')
    mesh = dist.device_mesh.init_device_mesh('cpu', (1, ))
    for kind in KINDS:
        net, twin = rich_net(kind).train(), rich_net(kind).train()
        for layer in (net[0], net[3]) if each else ():
            fsdp.fully_shard(layer, mesh=mesh)
        fsdp.fully_shard(net, mesh=mesh)
        for model in (net, twin):
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            model(IMAGE).square().mean().backward()
            optimizer.step()
        close(net.eval()(IMAGE), twin.eval()(IMAGE))
        assert mmrep.structure(net) == mmrep.structure(twin)


def test_sharded_in_half_precision(one_process):
    fsdp = pytest.importorskip('torch.distributed.fsdp')
    if not hasattr(fsdp, 'fully_shard'):
        pytest.skip('it came with PyTorch 2.6')
    net = nn.Sequential(mmrep.OREPAConv2d(4, 4, 3, padding=1))
    fsdp.fully_shard(
        net,
        mesh=dist.device_mesh.init_device_mesh('cpu', (1, )),
        mp_policy=fsdp.MixedPrecisionPolicy(param_dtype=torch.bfloat16))
    out = net(IMAGE)
    assert out.dtype == torch.bfloat16
    out.float().square().mean().backward()
