"""The fused config names stock types and drops mmrep where it can."""
import pytest
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmrep import OREPAResNet
from mmrep.deploy import plain_config

IMPORTS = dict(imports=['mmrep', 'json'], allow_failed_imports=False)


def plain(scope, backbone, **model):
    cfg = Config(
        dict(
            default_scope=scope,
            custom_imports=dict(imports=['mmrep'], allow_failed_imports=False),
            load_from='a.pth',
            model=dict(type='M', backbone=backbone, **model)))
    init_default_scope(scope)
    before = cfg.pretty_text
    out = plain_config(cfg)
    assert cfg.pretty_text == before
    return out


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmpretrain'])
def test_stock_resnet(scope):
    backbone = dict(
        type='OREPAResNet',
        depth=50,
        conv_cfg=dict(type='OREPAConv2d', scaling='scalar'),
        out_indices=(1, 3),
        dilations=(1, 1, 2, 4),
        strides=(1, 2, 1, 1),
        norm_cfg=dict(type='BN'),
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint='b.pth'))
    cfg = plain(scope, backbone)
    assert cfg.model.backbone.type == 'ResNet'
    assert cfg.model.backbone.dilations == (1, 1, 2, 4)
    assert 'custom_imports' not in cfg and cfg.load_from is None
    assert 'Pretrained' not in cfg.pretty_text
    stock = MODELS.build(cfg.model.backbone)
    ours = OREPAResNet(**{k: v for k, v in backbone.items() if k != 'type'})
    assert stock.out_indices == ours.out_indices


@pytest.mark.parametrize('scope, name', [('mmdet', 'base_width'),
                                         ('mmseg', 'base_width'),
                                         ('mmpretrain', 'width_per_group')])
@pytest.mark.parametrize('given', ['base_width', 'width_per_group'])
def test_stock_resnext(scope, name, given):
    cfg = plain(scope, {
        'type': 'OREPAResNet',
        'depth': 50,
        'groups': 32,
        given: 8
    })
    assert cfg.model.backbone.type == 'ResNeXt'
    assert cfg.model.backbone[name] == 8


@pytest.mark.parametrize('scope, extra', [
    ('mmdet', dict(width_per_group=128)),
    ('mmdet', dict(multi_grid=(1, 2, 4))),
    ('mmdet', dict(expansion=2)),
    ('mmpretrain', dict(deep_stem=True)),
])
def test_what_the_host_cannot_express_keeps_its_type(scope, extra):
    cfg = plain(scope, dict(type='OREPAResNet', depth=50, **extra))
    backbone = cfg.model.backbone
    assert backbone.type == 'OREPAResNet'
    assert backbone.conv_cfg == dict(type='Conv2d')
    assert cfg.custom_imports.imports == ['mmrep']


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmpretrain'])
def test_norms_are_back(scope):
    """A plain net does not depend on ``norm_behind``."""
    backbone = dict(type='DBBResNet', depth=50, norm_behind=False)
    assert plain(scope, backbone).model.backbone.type == 'ResNet'
    wide = plain(scope, dict(backbone, width_per_group=128)).model.backbone
    assert wide.type == 'DBBResNet' and 'norm_behind' not in wide
    MODELS.build(wide)


@pytest.mark.parametrize('kind', ['MobileNetV1', 'AlexNetBN'])
def test_nets_that_no_host_has(kind):
    block = dict(type='DBBConv2d')
    cfg = plain('mmpretrain',
                dict(type=kind, conv_cfg=block, norm_behind=False))
    backbone = cfg.model.backbone
    assert backbone == dict(type=kind, conv_cfg=dict(type='Conv2d'))
    assert cfg.custom_imports.imports == ['mmrep']


def test_repvgg():
    backbone = dict(type='RepVGGBackbone', arch='B1g2', out_indices=(3, ))
    cfg = plain('mmpretrain', backbone)
    assert cfg.model.backbone.type == 'RepVGG' and cfg.model.backbone.deploy
    assert cfg.model.backbone.out_indices == (3, )
    cfg = plain('mmseg', backbone)
    assert cfg.model.backbone.type == 'RepVGGBackbone'
    assert cfg.model.backbone.conv_cfg == dict(type='Conv2d')


def test_repvggplus():
    """Auxiliary classifiers go; a net that no host has keeps its type."""
    backbone = dict(
        type='RepVGGBackbone',
        arch='L2pse',
        out_indices=(0, 1, 3),
        half_indices=(2, ))
    head = dict(
        type='AuxiliaryClsHead',
        num_classes=10,
        in_channels=2560,
        aux_channels=(160, 320, 640))
    cfg = Config(
        dict(
            default_scope='mmpretrain',
            custom_imports=dict(imports=['mmrep']),
            model=dict(type='ImageClassifier', backbone=backbone, head=head)))
    plain = plain_config(cfg)
    assert plain.model.head == dict(head, aux_channels=())
    assert plain.model.backbone == dict(backbone, conv_cfg=dict(type='Conv2d'))
    assert plain.custom_imports.imports == ['mmrep']


@pytest.mark.parametrize('halves', [(), (2, )])
def test_halves_are_no_hosts(halves):
    backbone = dict(type='RepVGGBackbone', arch='A0', half_indices=halves)
    plain = plain_config(
        Config(
            dict(default_scope='mmpretrain', model=dict(backbone=backbone))))
    kind = 'RepVGGBackbone' if halves else 'RepVGG'
    assert plain.model.backbone.type == kind


def test_conv_cfg_anywhere():
    cfg = plain(
        'mmdet',
        dict(type='ResNet', depth=50, conv_cfg=dict(type='RepVGGConv2d')),
        neck=[dict(type='FPN', conv_cfg=dict(type='OREPAConv2d'))],
        bbox_head=dict(conv_cfg=dict(type='DCN')))
    assert cfg.model.backbone.conv_cfg == dict(type='Conv2d')
    assert cfg.model.neck[0].conv_cfg == dict(type='Conv2d')
    assert cfg.model.bbox_head.conv_cfg.type == 'DCN'


def test_prefixed_type():
    cfg = plain('mmdet', dict(type='mmengine.OREPAResNet', depth=18))
    assert cfg.model.backbone.type == 'ResNet'


def test_stem_cfg():
    stem = dict(type='OREPAConv2d', branches='plain_stem')
    for extra, kind in (({}, 'ResNet'), (dict(expansion=2), 'OREPAResNet')):
        out = plain('mmseg',
                    dict(type='OREPAResNet', depth=18, stem_cfg=stem, **extra))
        backbone = out.model.backbone
        assert backbone.type == kind and 'stem_cfg' not in backbone
        assert backbone.get('conv_cfg') == (
            dict(type='Conv2d') if extra else None)


def test_other_imports_stay():
    cfg = Config(
        dict(
            default_scope='mmdet',
            custom_imports=IMPORTS,
            model=dict(backbone=dict(type='OREPAResNet', depth=18))))
    assert plain_config(cfg).custom_imports.imports == ['json']


@pytest.mark.parametrize('kind', ['DBBResNet', 'RepVGGResNet'])
@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmpretrain'])
def test_other_methods_resnets(scope, kind):
    cfg = plain(scope, dict(type=kind, depth=50, norm_eval=True))
    assert cfg.model.backbone.type == 'ResNet'
    assert cfg.model.backbone.norm_eval and 'custom_imports' not in cfg


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg', 'mmpretrain'])
def test_wrapped_models(scope):
    inner = dict(type='ResNet', depth=50, conv_cfg=dict(type='OREPAConv2d'))
    wrapped = dict(
        type='Reparameterized',
        model=dict(type='Restructured', model=inner, structure={}),
        conv='DBBConv2d',
        include='layer1',
        frozen_stages=2)
    cfg = plain(scope, wrapped, neck=dict(type='Foo', conv_cfg=wrapped))
    assert cfg.model.backbone == dict(
        type='ResNet', depth=50, conv_cfg=dict(type='Conv2d'), frozen_stages=2)
    assert cfg.model.neck.conv_cfg.type == 'ResNet'
    assert 'custom_imports' not in cfg


@pytest.mark.parametrize('arch, kind', [('A0', 'RepVGG'),
                                        ('D2se', 'OREPAVGGBackbone')])
def test_repvgg_of_mmpretrain(arch, kind):
    cfg = plain('mmpretrain', dict(type='OREPAVGGBackbone', arch=arch))
    assert cfg.model.backbone.type == kind
    assert ('custom_imports' in cfg) == (arch == 'D2se')


def test_a_fused_net_starts_from_its_own_weights():
    pretrained = dict(type='Pretrained', checkpoint='b.pth')
    wrapped = dict(
        type='Reparameterized',
        model=dict(type='ResNet', depth=50, init_cfg=pretrained),
        conv='DBBConv2d')
    cfg = plain('mmseg', wrapped, pretrained='open-mmlab://resnet50_v1c')
    assert cfg.model.backbone.init_cfg is None
    assert cfg.model.pretrained is None or 'pretrained' not in cfg.model


@pytest.mark.parametrize('imports', ['mmrep', ['mmrep.layers']])
def test_imports_in_other_words(imports):
    cfg = Config(
        dict(
            default_scope='mmdet',
            custom_imports=dict(imports=imports),
            custom_hooks=[dict(type='DyRepHook'),
                          dict(type='EMAHook')],
            default_hooks=dict(a=dict(type='mmengine.DyRepHook'), b=None),
            optim_wrapper=dict(
                constructor='GroupedOptimWrapperConstructor',
                paramwise_cfg=dict(norm_decay_mult=0.)),
            model=dict(backbone=dict(type='OREPAResNet', depth=18))))
    found = plain_config(cfg)
    assert 'custom_imports' not in found
    assert found.custom_hooks == [dict(type='EMAHook')]
    assert found.default_hooks == dict(b=None)
    assert found.optim_wrapper == dict(paramwise_cfg=dict(norm_decay_mult=0.))
