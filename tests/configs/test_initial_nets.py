"""Classifiers start from the weights that the authors' code starts from."""
import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmrep.cli import build_model, load_config
from mmrep.layers import RepConv2d

FOLDER = Path(__file__).parents[2] / 'configs'
CONFIGS = sorted(FOLDER.glob('*_imagenet*.py'))


def fan_in(conv):
    """PyTorch's own start: Kaiming's uniform rule with a^2 = 5."""
    return (3 * conv.weight[0].numel())**-.5


def fan_out(conv):
    """torchvision's ResNet, from which DyRep's authors start."""
    return (2 / (conv.weight[:, 0].numel() / conv.groups))**.5


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_gammas_and_classifier_are_left_alone(path):
    """The host zeroes the last gamma of each residual block."""
    model = load_config(str(path)).model
    if 'ResNet' in model.backbone.type:
        assert model.backbone.zero_init_residual is False
    if model.head.type == 'ClsHead':  # this head has no weights
        return
    # these start from the classifier of a library
    if not path.stem.startswith(('dyrep_mobilenet', 'dyrep_repvgg')):
        assert model.head.init_cfg is None


@pytest.mark.parametrize('name, rule', [
    ('plain_r18', fan_in),
    ('orepa_r18', fan_in),
    ('dbb_r18', fan_in),
    ('orepavgg_a0', fan_in),
    ('repvgg_a0', fan_in),
    ('dyrep_r18', fan_out),
])
def test_initial_weights(name, rule):
    torch.manual_seed(0)
    model = build_model(load_config(str(FOLDER / f'{name}_imagenet.py')))
    model.init_weights()
    inside = {
        m
        for layer in model.modules() if isinstance(layer, RepConv2d)
        for m in layer.modules()
    }
    for path, module in model.named_modules():
        if isinstance(module, _BatchNorm):
            assert module.weight.eq(1).all() and module.bias.eq(0).all(), path
        elif isinstance(module, nn.Conv2d) and module not in inside:
            expected = rule(module)
            found = module.weight.std().item()
            assert found == pytest.approx(expected, .03), path
    fc = model.head.fc
    bound = fc.in_features**-.5
    assert fc.weight.abs().max().item() == pytest.approx(bound, .01)
    assert fc.bias.abs().max().item() == pytest.approx(bound, .05)
    assert math.isclose(fc.weight.std().item(), bound / 3**.5, rel_tol=.01)
