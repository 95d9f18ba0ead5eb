"""Damaged, harmless files end in a sentence, wherever they are read."""
import copy
import random
import warnings

import pytest
import torch
from torch import nn

from mmrep import DBBResNet, fuse
from mmrep.checkpoints import convert, read_checkpoint
from mmrep.checkpoints.content import check_content, check_weights
from mmrep.errors import UserError

DEEP = 'kxk.' * 500 + 'weight'
with warnings.catch_warnings():
    warnings.simplefilter('ignore')  # torch warns of a prototype
    NESTED = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])


@pytest.mark.parametrize('name, value, message', [
    ('a', None, "'a' is a NoneType, weights must be tensors"),
    ('a', 'x', "'a' is a str, weights must be tensors"),
    ('a', [1.0], "'a' is a list, weights must be tensors"),
    ('a', {}, "'a' is a dict, weights must be tensors"),
    (3, torch.ones(1), 'its 3 is a Tensor, names of weights must be strings'),
    (None, torch.ones(1), 'names of weights must be strings'),
    (b'a', torch.ones(1), 'names of weights must be strings'),
    ('a.weight\n', torch.ones(1), 'characters that cannot be printed'),
    (DEEP, torch.ones(1), 'of 2006 characters and 500 dots, it may have'),
    ('x' * 10**6, torch.ones(1), 'of 1000000 characters'),
    ('a', torch.ones(2, 2).to_sparse(), "'a' is a sparse_coo tensor"),
    ('a', torch.ones(1, device='meta'), "'a' is a meta tensor"),
    ('a', torch.quantize_per_tensor(torch.ones(1), 1., 0, torch.qint8),
     "'a' is a quantized tensor"),
    ('a', torch.ones(1).expand(10**9), "'a' is a repeated "),
    ('a', torch.ones(2, dtype=torch.complex64), "'a' is a complex64 tensor"),
    ('a', NESTED, "'a' is a nested tensor"),
    ('a', torch.empty(2, dtype=torch.bits8), "'a' is a bits8 tensor"),
])  # yapf: disable
def test_weights(name, value, message):
    with pytest.raises(UserError, match=message) as error:
        check_weights({'b': torch.ones(1), name: value})
    assert len(str(error.value)) < 400
    for key in ('state_dict', 'ema_state_dict'):
        with pytest.raises(UserError, match=message):
            check_content({'state_dict': {}, key: {name: value}})


@pytest.mark.parametrize('dtype', [
    'float16', 'bfloat16', 'float64', 'float8_e5m2', 'bool', 'uint8', 'int64'
])
def test_plain_numbers(dtype):
    check_weights({'a': torch.ones(2).to(getattr(torch, dtype))})


@pytest.mark.parametrize('key', ['meta', 'ema_state_dict'])
@pytest.mark.parametrize('value', ['str', 5, [1], torch.ones(1)])
def test_parts(tmp_path, key, value):
    torch.save({'state_dict': {}, key: value}, tmp_path / 'a.pth')
    with pytest.raises(UserError, match=f'a.pth.* its {key!r} .*be a dict'):
        read_checkpoint(str(tmp_path / 'a.pth'))


def test_a_weight_in_a_weight():
    with pytest.raises(UserError, match="'a.b' is a weight and has weights"):
        check_weights({'a.b': torch.ones(1), 'a.b.c': torch.ones(1)})


@pytest.mark.parametrize('key', ['epoch', 'iter'])
def test_numbers_of_meta(key):
    for value in ('x', 1.5, [1]):
        with pytest.raises(UserError, match=f'the {key!r} .* whole number'):
            check_content(dict(state_dict={}, meta={key: value}))


@pytest.mark.parametrize('metadata', [5, {'': 3}, {'': {'version': 'x'}}])
def test_versions_of_modules(tmp_path, metadata):
    weights = nn.BatchNorm2d(1).state_dict()
    check_weights(weights)
    weights._metadata = metadata
    torch.save(weights, tmp_path / 'a.pth')
    with pytest.raises(UserError, match='`_metadata`'):
        read_checkpoint(str(tmp_path / 'a.pth'))


def test_wrappers_without_an_end(tmp_path):
    endless = {}
    endless['model'] = endless
    torch.save(endless, tmp_path / 'a.pth')
    with pytest.raises(UserError, match='in a state dict, more than'):
        read_checkpoint(str(tmp_path / 'a.pth'))
    with pytest.raises(UserError, match='in a state dict, more than'):
        convert(endless)


JUNK = (None, 5, -1.5, True, 'x', b'x', [], [1], (), {}, {
    'a': 1
}, {
    3: 4
}, torch.ones(()), torch.ones(0), torch.ones(2, 3), torch.ones(1, 1, 1, 1, 1),
        torch.ones(1).expand(10**9)[:, None, None,
                                    None], torch.ones(4, dtype=torch.bool),
        torch.ones(4, dtype=torch.complex64), torch.full(
            (4, ), float('nan')), 'x' * 5000, [[]] * 9)
NAMES = (3, None, '', '.', '..', 'weight', 'kxk.weight', 'branches.', '\n',
         'branches..x', DEEP, 'layer1.0.conv1.branches.1x1_kxk.first',
         'layer1.0.conv1.branches.kxk_1\n.weight', 'layer1.99999999.conv1.x',
         'layer1.0.conv1.scale', 'layer1.0.conv1.' + 'kxk.' * 60 + 'weight',
         'stage1.0.conv1.dbb_origin.conv.weight', 'rbr_dense.conv.weight',
         'module.layer1.0.conv1.weight', 'layer1.0.conv1.kxk.weight')


def official():
    """Return small weights by the names of an official DBB block of a net."""
    norm = nn.BatchNorm2d(4).state_dict()
    place = 'stage1.0.conv1.'
    return {
        'stage0.conv1.conv.weight': torch.ones(4, 3, 7, 7),
        f'{place}dbb_origin.conv.weight': torch.ones(4, 4, 3, 3),
        f'{place}dbb_1x1_kxk.conv1.weight': torch.ones(4, 4, 1, 1),
        f'{place}dbb_1x1_kxk.conv2.weight': torch.ones(4, 4, 3, 3),
        **{
            f'{place}dbb_origin.bn.{k}': v
            for k, v in norm.items()
        }
    }


def mutated(whole, draw):
    """Copy a checkpoint and replace some of its parts by junk."""
    whole = copy.deepcopy(whole)
    for _ in range(draw.randint(1, 3)):
        parts = [whole] + [v for v in whole.values() if isinstance(v, dict)]
        part = draw.choice(parts)
        if not part:
            continue
        key = draw.choice(list(part))
        how = draw.random()
        if how < 0.2:
            del part[key]
        elif how < 0.5:
            part[draw.choice(NAMES)] = part.pop(key)
        else:
            part[key] = draw.choice(JUNK)
    return whole


@pytest.fixture(scope='module')
def net():
    torch.manual_seed(0)
    return DBBResNet(18, base_channels=4)


def consume(path, net):
    """Use a file as tools do: read, look for blocks, load, convert."""
    from mmrep.cli import check_checkpoint_matches, choose_weights
    checkpoint = read_checkpoint(path)
    for ema in (None, True, False):
        try:
            weights = choose_weights(checkpoint, ema)
        except UserError:
            continue
        try:
            check_checkpoint_matches(copy.deepcopy(net), weights)
        except UserError:
            pass
    convert(checkpoint['state_dict'])


@pytest.mark.parametrize('kind', ['ours', 'official'])
def test_mutations(tmp_path, net, kind):
    weights = net.layer1[0].state_dict() if kind == 'ours' else official()
    if kind == 'ours':
        weights = {f'layer1.0.{k}': v for k, v in weights.items()}
    whole = dict(
        meta=dict(epoch=1, iter=2),
        state_dict=dict(weights),
        ema_state_dict={
            f'module.{k}': v
            for k, v in weights.items()
        })
    plain = fuse(copy.deepcopy(net))
    path, sentences = str(tmp_path / 'a.pth'), 0
    for seed in range(60):
        draw = random.Random(seed)
        torch.save(mutated(whole, draw), path)
        try:
            consume(path, (net, plain)[seed % 2])
        except UserError as error:
            sentences += 1
            assert '\n' not in str(error) and len(str(error)) < 1000, seed
    assert sentences > 30
