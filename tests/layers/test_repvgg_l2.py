"""The L2 of RepVGG blocks agrees with loops over kernels."""
import re

import pytest
import torch

from mmrep import ACBConv2d, OREPAVGGConv2d, QARepVGGConv2d, RepVGGConv2d
from mmrep.layers.repvgg_l2 import l2, why_no_l2
from mmrep.testing import randomize_norms


def formula(layer):
    """Compute the L2 channel by channel and pixel by pixel."""
    pointwise, total = layer.branches['1x1'], 0.
    for o in range(layer.out_channels):
        t_k, t_1 = (
            norm.weight[o] / (norm.running_var[o] + norm.eps)**.5
            for norm in (layer.norm, pointwise.norm))
        for i in range(layer.in_channels // layer.groups):
            for h in range(layer.kernel_size[0]):
                for w in range(layer.kernel_size[1]):
                    value = layer.weight[o, i, h, w]
                    if (h, w) != tuple(k // 2 for k in layer.kernel_size):
                        total = total + value**2
                        continue
                    fused = t_k * value + t_1 * pointwise.weight[o, i, 0, 0]
                    total = total + fused**2 / (t_k**2 + t_1**2)
    return total


@pytest.mark.parametrize('train', [True, False])
@pytest.mark.parametrize('groups', [1, 2, 4])
@pytest.mark.parametrize('size', [3, 5, (3, 1)])
def test_formula(size, groups, train):
    torch.manual_seed(0)
    layer = RepVGGConv2d(4, 8, size, groups=groups, dtype=torch.float64)
    randomize_norms(layer).train(train)
    assert why_no_l2(layer) is None
    penalty = l2(layer)
    torch.testing.assert_close(penalty, formula(layer))
    penalty.backward()
    # norms get no gradients; kernels get the formula's, with norms constant
    got = [
        layer.weight.grad.clone(), layer.branches['1x1'].weight.grad.clone()
    ]
    assert layer.norm.weight.grad is None
    layer.zero_grad()
    formula(layer).backward()
    torch.testing.assert_close(layer.weight.grad, got[0])
    torch.testing.assert_close(layer.branches['1x1'].weight.grad, got[1])


def test_is_the_plain_l2_where_the_1x1_is_away():
    """With a gamma of zero the centre counts like all other pixels."""
    layer = randomize_norms(RepVGGConv2d(4, 4, 3))
    torch.nn.init.zeros_(layer.branches['1x1'].norm.weight)
    torch.testing.assert_close(l2(layer), layer.weight.pow(2).sum())
    torch.nn.init.zeros_(layer.norm.weight)  # nothing is left
    assert l2(layer).isfinite()


def test_is_precise_for_halves():
    layer = RepVGGConv2d(4, 4, 3).half()
    torch.nn.init.constant_(layer.weight, 60.)
    assert l2(layer).dtype == torch.float32 and l2(layer) > 4e5  # inf in half


@pytest.mark.parametrize('layer, reason', [
    (ACBConv2d(4, 4, 3), 'is no RepVGGConv2d'),
    (OREPAVGGConv2d(4, 4, 3), 'has a block in place of its kxk'),
    (QARepVGGConv2d(4, 4, 3), 'has no norms in its kxk and its 1x1'),
    (RepVGGConv2d(4, 4, (3, 2)), 'without a centre'),
    (RepVGGConv2d(4, 4, 3, branches='identity'), r"branches \['identity'\]"),
    (RepVGGConv2d(4, 4, 3, branches=['1x1', '1xk']), 'in place of 1x1, ident'),
    (RepVGGConv2d(4, 4, 3, norms=['kxk', 'branches', 'sum']),
     'a norm behind its sum'),
    (RepVGGConv2d(4, 4, 3, branches='1x1', norms=['kxk']), 'has no norms in'),
], ids=str)  # yapf: disable
def test_other_blocks(layer, reason):
    assert re.search(reason, why_no_l2(layer))
