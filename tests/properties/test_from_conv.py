"""A plain convolution becomes a block, and becomes plain again."""
import torch
from torch import nn

from .case import EXACT, randomize_weights, relative
from .over import over
from .strategies import cases


def enriched(case, conv):
    return case.cls.from_conv(conv, **case.options)


@over(300, case=cases())
def test_computes_the_same(case):
    conv, x = case.conv(), case.image()
    layer, expected = enriched(case, conv), conv(x)
    assert layer.origin is conv.weight and layer.bias is conv.bias
    assert not layer.training
    assert relative(layer(x), expected) < EXACT[case.dtype]
    assert relative(layer.forward_branches(x), expected) < EXACT[case.dtype]
    assert torch.equal(conv(x), expected)


@over(150, case=cases())
def test_round_trip(case):
    conv, x = case.conv(), case.image()
    back = enriched(case, conv).fuse()
    assert relative(back(x), conv(x)) < EXACT[case.dtype]
    assert back.weight is not conv.weight


@over(150, case=cases(statistics=['random']))
def test_a_trained_layer_begins_anew(case):
    # fused and made rich again, as at the end of a cycle of growth
    layer, x = case.build(), case.image()
    anew = enriched(case, layer.fuse())
    case.check(anew(x).detach(), layer, x)


@over(150, case=cases())
def test_loads_a_plain_checkpoint(case):
    conv, layer, x = case.conv(), case.build(), case.image()
    rich, plain = nn.Sequential(layer), nn.Sequential(conv)
    with torch.no_grad():
        layer(x)  # this fills the cache
        rich.load_state_dict(plain.state_dict(), strict=True)
        assert relative(layer(x), conv(x)) < EXACT[case.dtype]


@over(150, case=cases(dtypes=[torch.float64]))
def test_every_parameter_can_regrow(case):
    # a parameter has a gradient once those beside it have moved
    case = case._replace(size=(44, 44))  # all of the kernel sees some of it
    layer, x = enriched(case, case.conv()), case.image()
    randomize_weights(layer, case.seed)
    layer(x).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


@over(60, case=cases())
def test_keeps_what_the_convolution_is(case):
    conv = case.conv().to(memory_format=torch.channels_last).train()
    layer = enriched(case, conv.requires_grad_(False))
    assert layer.training and not layer.trains
    for tensor in (*layer.parameters(), *layer.buffers()):
        assert tensor.dtype in (case.dtype, torch.int64)
    for parameter in layer.parameters():
        assert parameter.dim() != 4 or contiguous(conv.weight) or (
            parameter.is_contiguous(memory_format=torch.channels_last))


def contiguous(weight):
    """Return True if contiguous; 1x1 and depthwise are so in both formats."""
    return weight.is_contiguous()
