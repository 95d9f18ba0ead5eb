"""Blocks that add features agree with the official ones."""
import pytest
import torch

from mmrep import DBBConv2d, OREPAVGGConv2d, RepVGGConv2d
from mmrep.checkpoints import convert
from mmrep.deploy import relative_difference

BLOCKS = {
    'repvgg_3x3': RepVGGConv2d,
    'repvgg_3x3_s2_g2': RepVGGConv2d,
    'orepa_vgg_3x3': OREPAVGGConv2d,
    'orepa_vgg_3x3_s2': OREPAVGGConv2d,
    'dbb_3x3': DBBConv2d,
    'dbb_3x3_depthwise': DBBConv2d,
    'dbb_3x3_s2_expand': DBBConv2d,
    'dbb_5x5_g2': DBBConv2d,
}
# the official code leaves the padding value out of these gradients
INEXACT = ('first_norm.weight', 'first_norm.bias')


@pytest.fixture(params=BLOCKS)
def golden(request, goldens):
    golden = torch.load(goldens / f'{request.param}.pt', weights_only=True)
    golden['layer'] = BLOCKS[request.param]
    return golden


@pytest.fixture
def layer(golden):
    layer = golden['layer'](**golden['kwargs'], bias=False)
    layer.load_state_dict(convert(golden['state_dict']))
    return layer


def finish(golden, out):
    """Apply the activation that the official RepVGG block has inside."""
    return out.relu() if 'RepVGG' in golden['block'] else out


def test_eval(golden, layer):
    out = finish(golden, layer.eval()(golden['input']))
    assert relative_difference(golden['output_eval'], out) < 1e-5


def test_train(golden, layer):
    x = golden['input'].requires_grad_()
    out = finish(golden, layer.train()(x))
    assert relative_difference(golden['output_train'], out) < 1e-5
    (out * golden['cotangent']).sum().backward()
    assert relative_difference(golden['input_grad'], x.grad) < 1e-4
    expected = convert(golden['param_grads'])
    compared = [n for n in expected if not n.endswith(INEXACT)]
    assert len(compared) > 0.7 * len(expected)
    # a gradient in front of a norm can be zero but for rounding
    noise = 1e-6 * max(grad.abs().max() for grad in expected.values())
    for name in compared:
        ours = layer.get_parameter(name).grad
        worst = (expected[name] - ours).abs().max()
        assert worst < 1e-4 * expected[name].abs().max() + noise, name
    after = convert(golden['state_dict_after_train_forward'])
    for key, tensor in layer.state_dict().items():
        torch.testing.assert_close(tensor, after[key])


def test_fused_kernel(golden, layer):
    conv = layer.fuse()
    assert relative_difference(golden['fused_weight'], conv.weight) < 1e-6
    assert relative_difference(golden['fused_bias'], conv.bias) < 1e-6
