"""The backbone of a real model, without neck and heads."""
import pytest
import torch
from torch import nn

from mmrep.cli import UserError, build_model, load_config
from mmrep.measure.backbone_alone import BackboneAlone

CONFIG = 'configs/pspnet_orepa_r18_shapes.py'


@pytest.fixture
def model():
    return build_model(load_config(CONFIG))


def test_same_backbone_same_features(model):
    alone = BackboneAlone(model)
    assert alone.backbone is model.backbone
    assert all(
        name.startswith('backbone.') for name, _ in alone.named_parameters())
    x = torch.randn(2, 3, 32, 32)
    for expected, found in zip(model.backbone(x), alone(x)):
        torch.testing.assert_close(found, expected)


def test_loss_reaches_the_stem_from_every_stage(model):
    alone = BackboneAlone(model)
    features = alone(torch.randn(2, 3, 32, 32))
    loss = alone(torch.randn(2, 3, 32, 32), mode='loss')['loss']
    loss.backward()
    assert len(features) > 1
    assert alone.backbone.conv1.branches['stem'].factors[0].weight.grad.any()


def test_refuses_what_has_none():
    with pytest.raises(UserError, match='Linear has no backbone .* --backb'):
        BackboneAlone(nn.Linear(1, 1))
