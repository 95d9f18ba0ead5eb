"""The numbers of blocks of any size are counted without memory for them."""
import pytest
import torch
from torch import nn

import mmrep
from mmrep import UserError
from mmrep.layers.block_size import check_size

KINDS = ('DBBConv2d', 'RepVGGConv2d', 'OREPAConv2d', 'OREPAVGGConv2d',
         'MobileOneConv2d', 'ACBConv2d', 'BranchedConv2d')


@pytest.mark.parametrize('groups', [1, 4])
@pytest.mark.parametrize('kind', KINDS)
def test_counts(kind, groups):
    conv = nn.Conv2d(4, 4, 3, groups=groups, bias=False)
    state = torch.get_rng_state()
    count = check_size(dict(type=kind), conv)
    assert torch.equal(torch.get_rng_state(), state)
    block = mmrep.layers.block_types.block_type(kind).from_conv(conv)
    held = [*block.parameters(), *block.buffers()]
    expected = sum(map(torch.numel, held))
    assert expected <= count <= expected + 4  # the bias


def wide(depth):
    config = None
    for _ in range(depth):
        branch = dict(channels=2**14)
        if config:
            branch['second'] = config
        config = dict(type='DBBConv2d', branches={'1x1_kxk': branch})
    return config


def many(depth):
    config = False
    for _ in range(depth):
        config = dict(
            type='DBBConv2d',
            branches=[f'kxk_{i}' for i in range(1, 62)],
            kxk=config)
    return config


@pytest.mark.parametrize('config, channels', [(wide(3), 4), (wide(16), 4),
                                              (many(16), 512)])
def test_too_large(config, channels):
    """Blocks of 10**9 numbers and more are refused."""
    with torch.device('meta'):
        conv = nn.Conv2d(channels, channels, 3, padding=1)
    with pytest.raises(UserError, match='would have .* numbers') as error:
        check_size(config, conv)
    assert '\n' not in str(error.value) and len(str(error.value)) < 500


def test_in_a_structure():
    net = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1))
    with pytest.raises(UserError, match="layer '0' is impossible: .*numbers"):
        mmrep.restructure(net, {'0': wide(2)})
    assert type(net[0]) is nn.Conv2d


def test_many_large_blocks():
    """Blocks are refused together although each alone is small enough."""
    with torch.device('meta'):
        net = nn.Sequential(*(nn.Conv2d(32, 256, 3) for _ in range(30)))
    block = dict(type='DBBConv2d', branches={'1x1_kxk': dict(channels=2**14)})
    assert check_size(block, net[0]) > 2**30 / 30
    with pytest.raises(UserError, match='blocks of the structure would have'):
        mmrep.restructure(net, {str(i): block for i in range(30)})
    assert type(net[0]) is nn.Conv2d
