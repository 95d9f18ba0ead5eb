"""Backbones with the structure of a config's and few channels."""
import pytest
from mmengine.config import Config
from mmengine.registry import MODELS

from mmrep.cli import UserError
from mmrep.measure.tiny import tiny

# as B2 is, whose channels are no multiples of 4 when there are 4 times 2.5
SHALLOW = dict(num_blocks=(2, 1, 1, 1), width_factor=(2.5, 2.5, 2.5, 5))
BACKBONES = dict(
    mmpretrain=[
        dict(type='ResNet', depth=50),
        dict(type='ResNeXt', depth=50, groups=32, width_per_group=4),
        dict(type='MobileNetV2'),
        dict(type='OREPAResNet', depth=18),
        dict(type='RepVGGBackbone', arch=dict(groups=4, **SHALLOW)),
        dict(type='RepVGGBackbone', arch=dict(with_se=True, **SHALLOW)),
        dict(type='MobileNetV1', conv_cfg=dict(type='DBBConv2d')),
        dict(type='AlexNetBN', num_classes=10),
    ],
    mmdet=[dict(type='ResNet', depth=18, frozen_stages=1)],
    mmseg=[dict(type='ResNetV1c', depth=18, dilations=(1, 1, 2, 4))])


def cfg_of(scope, backbone):
    return Config(
        dict(default_scope=scope, model=dict(type='X', backbone=backbone)))


@pytest.mark.parametrize(
    'scope, backbone', [(scope, backbone)
                        for scope, found in BACKBONES.items()
                        for backbone in found],
    ids=lambda value: value if isinstance(value, str) else value['type'])
def test_same_structure(scope, backbone):
    cfg = cfg_of(scope, backbone)
    small = tiny(cfg)
    assert cfg.model.backbone == backbone
    with MODELS.switch_scope_and_registry(scope) as registry:
        wide, few = (
            registry.build(c.model.backbone.to_dict()) for c in (cfg, small))
    assert list(few.state_dict()) == list(wide.state_dict())
    parameters = [sum(p.numel() for p in net.parameters())
                  for net in (few, wide)]  # yapf: disable
    assert parameters[0] < parameters[1] / 5
    assert {k: v for k, v in small.model.backbone.items()
            if k in backbone} == backbone  # yapf: disable


def test_the_backbone_inside():
    inner = dict(type='MobileNetV1')
    structure = {'conv1.conv': dict(type='RepVGGConv2d')}
    cfg = cfg_of('mmpretrain',
                 dict(type='Restructured', model=inner, structure=structure))
    assert tiny(cfg).model.backbone.model.widen_factor == 4 / 64


@pytest.mark.parametrize('cfg, message', [
    (cfg_of('mmpretrain', None), 'has no `model.backbone`'),
    (cfg_of('mmpretrain', dict(type='VGG', depth=16)),
     'cannot make the backbone VGG .* tiny.*measure it with --backbone'),
    (cfg_of('mmpretrain',
            dict(type='Unheard')), 'cannot make the backbone Unheard'),
    (cfg_of('mmpretrain', dict(type='ResNet', depth=19)),
     'cannot build the backbone .* invalid depth 19'),
])
def test_no_tiny_form(cfg, message):
    with pytest.raises(UserError, match=message) as error:
        tiny(cfg)
    assert '\n' not in str(error.value)
