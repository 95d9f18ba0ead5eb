"""Weights that a model takes, and weights of other models."""
from collections import OrderedDict

import torch
from torch import nn

from mmrep.structures.matching import check_checkpoint_matches

from ..refusals import sentence


def net():
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(3, 4, 3), bn=nn.BatchNorm2d(4), fc=nn.Linear(4, 2)))


def refused(state_dict, *parts):
    message = sentence(check_checkpoint_matches, net(), state_dict)
    for part in ('another architecture', *parts):
        assert part in message
    return message


def test_loads_what_matches():
    source, target = net(), net()
    check_checkpoint_matches(target, source.state_dict())
    assert torch.equal(target.fc.weight, source.fc.weight)
    distributed = {f'module.{k}': v for k, v in net().state_dict().items()}
    check_checkpoint_matches(target, distributed)
    assert torch.equal(target.fc.weight, distributed['module.fc.weight'])
    assert all(k.startswith('module.') for k in distributed)


def test_harmless_differences():
    weights = net().state_dict()
    del weights['bn.num_batches_tracked']
    weights['data_preprocessor.mean'] = torch.zeros(3)
    weights['other.num_batches_tracked'] = torch.tensor(1)
    check_checkpoint_matches(net(), weights)
    # a norm without a version in the file misses its counter, too
    check_checkpoint_matches(net(), dict(weights))


def test_names_what_differs():
    weights = net().state_dict()
    weights['fc.weight'] = torch.zeros(3, 4)
    message = refused(weights, '1 wrongly shaped keys', 'fc.weight')
    assert 'missing' not in message
    weights['conv2.weight'] = weights.pop('conv.weight')
    refused(weights, '1 missing', '1 unexpected', '1 wrongly shaped',
            'conv.weight (missing)', 'conv2.weight (unexpected)',
            'fc.weight (wrongly shaped)')
    many = {f'layer{i}.weight': torch.zeros(1) for i in range(50)}
    message = refused(many, '8 missing', '50 unexpected', 'layer0.weight')
    assert message.count('.weight') + message.count('.bias') <= 5
    refused({}, '8 missing')


class Folded(nn.Module):
    """A layer that reads another form of its weights."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(2))

    def _load_from_state_dict(self, state_dict, prefix, *args):
        if f'{prefix}weight' in state_dict:
            weight = state_dict.pop(f'{prefix}weight')
            state_dict[f'{prefix}factor'] = weight.sqrt()
        super()._load_from_state_dict(state_dict, prefix, *args)


def test_layers_decide_what_matches():
    model = nn.Sequential(Folded())
    weights = {'0.weight': torch.tensor([4., 9.])}
    check_checkpoint_matches(model, weights)
    assert model[0].factor.tolist() == [2., 3.]
    assert list(weights) == ['0.weight']
