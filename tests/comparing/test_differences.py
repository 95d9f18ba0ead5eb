"""What counts as fair between two configs."""
import pytest
from mmengine.config import Config

from mmrep.comparing.differences import Difference, check_fair, differences
from mmrep.errors import UserError

BASE = dict(
    model=dict(
        type='EncoderDecoder',
        data_preprocessor=dict(mean=[1., 2., 3.]),
        backbone=dict(type='ResNet', depth=18, norm_eval=False),
        decode_head=dict(in_channels=64, loss_decode=dict(loss_weight=1.)),
        auxiliary_head=[dict(in_channels=32),
                        dict(in_channels=16)]),
    train_dataloader=dict(
        batch_size=8,
        dataset=dict(pipeline=[dict(type='A'), dict(flip=.5)])),
    optim_wrapper=dict(optimizer=dict(type='SGD', lr=.1)),
    param_scheduler=[dict(type='PolyLR', end=100)],
    train_cfg=dict(max_iters=100),
    default_hooks=dict(logger=dict(interval=50)),
    own_variable=3)


def found(change, drop=()):
    """Return the differences of a changed config, by their keys."""
    cfg = Config(BASE)
    base = Config(BASE)
    cfg.merge_from_dict(change)
    for key in drop:
        cfg.pop(key)
    return {d.key: d for d in differences(cfg, base)}


@pytest.mark.parametrize('change', [
    {'model.backbone.type': 'OREPAResNet'},
    {'model.backbone.with_cp': True},
    {'model.decode_head.in_channels': 128},
    {'model.decode_head.conv_cfg': dict(type='DBBConv2d')},
    {'custom_hooks': [dict(type='DyRepHook', interval=15)]},
    {'optim_wrapper.paramwise_cfg': dict(norm_decay_mult=0.)},
    {'optim_wrapper.constructor': 'GroupedOptimWrapperConstructor'},
    {'default_hooks.logger.interval': 10},
    {'work_dir': 'elsewhere'},
])  # yapf: disable
def test_fair(change):
    (difference, ) = found(change).values()
    assert difference.is_fair, difference
    check_fair({'rich.py': [difference]}, 'plain.py')


@pytest.mark.parametrize('change, key', [
    ({'train_dataloader.batch_size': 16}, 'train_dataloader.batch_size'),
    ({'train_dataloader.dataset.pipeline': [dict(type='A'), dict(flip=0.)]},
     'train_dataloader.dataset.pipeline[1].flip'),
    ({'train_dataloader.dataset.pipeline': [dict(type='A')]},
     'train_dataloader.dataset.pipeline'),
    ({'optim_wrapper.optimizer.lr': .2}, 'optim_wrapper.optimizer.lr'),
    ({'optim_wrapper.optimizer.weight_decay': 1e-4},
     'optim_wrapper.optimizer.weight_decay'),
    ({'param_scheduler': [dict(type='PolyLR', end=200)]},
     'param_scheduler[0].end'),
    ({'train_cfg.max_iters': 200}, 'train_cfg.max_iters'),
    ({'model.decode_head.loss_decode.loss_weight': .5},
     'model.decode_head.loss_decode.loss_weight'),
    ({'model.data_preprocessor.mean': [0., 2., 3.]},
     'model.data_preprocessor.mean'),
    ({'model.backbone.frozen_stages': 1}, 'model.backbone.frozen_stages'),
    ({'model.backbone.norm_eval': True}, 'model.backbone.norm_eval'),
    ({'model.backbone.init_cfg': dict(checkpoint='a.pth')},
     'model.backbone.init_cfg.checkpoint'),
    ({'model.backbone.norm_cfg': dict(requires_grad=False)},
     'model.backbone.norm_cfg.requires_grad'),
    ({'load_from': 'a.pth'}, 'load_from'),
    ({'sync_bn': 'torch'}, 'sync_bn'),
    ({'compile': True}, 'compile'),
    ({'auto_scale_lr': dict(enable=True)}, 'auto_scale_lr.enable'),
    ({'default_hooks.ema': dict(type='EMAHook')}, 'default_hooks.ema'),
])  # yapf: disable
def test_unfair(change, key):
    differing = found(change)
    assert key in differing and not differing[key].is_fair
    with pytest.raises(UserError) as caught:
        check_fair({'rich.py': list(differing.values())}, 'plain.py')
    for part in ("'rich.py'", "'plain.py'", key, '--allow-differences'):
        assert part in str(caught.value)


def test_what_is_missing_in_the_config_counts():
    assert not found({}, drop=['param_scheduler'])['param_scheduler'].is_fair


def test_a_pretrained_backbone_is_unfair():
    pretrained = dict(type='Pretrained', checkpoint='torchvision://resnet18')
    differing = found({'model.backbone.init_cfg': pretrained})
    assert not all(d.is_fair for d in differing.values())


def test_pretrained_weights_in_a_list_are_unfair():
    base, cfg = (
        Config(
            dict(
                model=dict(
                    backbone=dict(init_cfg=[
                        dict(type='Constant', val=1),
                        dict(type='Pretrained', checkpoint=path)
                    ])))) for path in ('a.pth', 'b.pth'))
    (difference, ) = differences(cfg, base)
    assert difference.key == 'model.backbone.init_cfg[1].checkpoint'
    assert not difference.is_fair


def test_variables_and_equal_values_do_not_count():
    assert not found({'own_variable': 4})
    assert not found({'model.data_preprocessor.mean': (1., 2., 3.)})
    assert not found({'custom_hooks': None})


def test_numbers_and_flags_are_not_mixed_up():
    assert found({'model.backbone.norm_eval': 0})


def test_texts():
    difference = Difference('model.backbone.type', "'A'", "'B'")
    assert str(difference) == "model.backbone.type: 'A' (baseline: 'B')"


def test_a_long_list_is_cut():
    many = [Difference(f'train_cfg.k{i}', '1', '2') for i in range(9)]
    with pytest.raises(UserError, match='k4.* and 4 more'):
        check_fair({'rich.py': many}, 'plain.py')
