"""Nets of DyRep's rows match its tables and start as its code does."""
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from mmrep.cli import build_model, load_config
from mmrep.deploy import plain_config

FOLDER = Path(__file__).parents[2] / 'configs'
# millions of parameters in tables 2, 3 and 4
PLAIN = dict(
    vgg16_cifar10=15.0,
    vgg16_cifar100=15.0,
    mobilenet_imagenet=4.2,
    repvgg_a2_imagenet=25.49,
    repvgg_b2g4_imagenet=55.77,
    repvgg_b3_imagenet=110.96)


def config(name):
    return load_config(str(FOLDER / f'{name}.py'))


def without_memory(cfg):
    with torch.device('meta'):
        return build_model(cfg)


@pytest.mark.parametrize('name, millions', PLAIN.items())
def test_parameters_of_the_plain_net(name, millions):
    net = without_memory(plain_config(config(f'dyrep_{name}')))
    count = sum(p.numel() for p in net.parameters()) / 1e6
    digits = len(str(millions).partition('.')[2])
    assert abs(count - millions) < 10**-digits  # some are cut, not rounded


@pytest.mark.parametrize('method', ['plain', 'dbb', 'dyrep'])
def test_cifar100(method):
    """The data set changes, and the number of classes with it."""
    ten, hundred = [
        config(f'{method}_vgg16_cifar{n}').to_dict() for n in (10, 100)
    ]
    for cfg, classes in ((ten, 10), (hundred, 100)):
        assert cfg['model']['head'].pop('num_classes') == classes
        assert cfg['data_preprocessor'].pop('num_classes') == classes
        last = cfg['model']['head'].pop('init_cfg')['override']
        assert last['b'] == -last['a'] == pytest.approx(classes**-0.5)
        for part in ('train', 'val', 'test'):
            data = cfg[f'{part}_dataloader'].pop('dataset')
            assert data['type'] == f'CIFAR{classes}'
            assert data['data_root'].rstrip('/') == f'data/cifar{classes}'
            pipeline = [step['type'] for step in data['pipeline']]
            assert ('Cutout' in pipeline) == (part == 'train')
        for name in ('data_root', 'dataset_type', 'data', 'head_init'):
            cfg.pop(name, None)
    assert ten == hundred


def test_how_the_vgg_begins():
    """Normal by the fan-out; linear layers are uniform and have biases."""
    torch.manual_seed(0)
    net = build_model(config('plain_vgg16_cifar10'))
    net.init_weights()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            out, _, *size = module.weight.shape
            ratio = module.weight.std() / math.sqrt(2 /
                                                    (out * math.prod(size)))
            few = 5 / math.sqrt(2 * module.weight.numel())
            assert abs(ratio - 1) < max(0.03, few)
            assert module.bias is None
        elif isinstance(module, nn.Linear):
            bound = len(module.weight)**-0.5
            assert 0.98 * bound < module.weight.abs().max() <= bound
            assert not module.bias.any()
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all() and not module.bias.any()
