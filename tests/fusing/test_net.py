"""Fusing any model: root, aliases, shared blocks, whole host models."""
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn
from torch.nn.utils import prune

import mmrep
from mmrep import OREPAConv2d, RepVGGConv2d
from mmrep.deploy.verify import outputs, relative_difference
from mmrep.errors import UserError
from mmrep.nets.walk import branch_by_branch, rep_layers
from mmrep.testing import randomize_norms

WHOLE_MODELS = {
    'mmdet':
    ('faster-rcnn_r50_fpn',
     dict(type='OREPAResNet', depth=50, base_channels=8, norm_eval=True)),
    'mmseg': ('pspnet_r50-d8',
              dict(
                  type='RepVGGBackbone',
                  arch='A0',
                  base_channels=16,
                  strides=(2, 2, 1, 1),
                  dilations=(1, 1, 2, (4, )))),
}


def is_plain(model):
    return not any(isinstance(m, mmrep.RepConv2d) for m in model.modules())


def test_root():
    layer = OREPAConv2d(4, 8, 3)
    conv = mmrep.fuse(layer)
    assert type(conv) is nn.Conv2d
    x = torch.randn(1, 4, 9, 9)
    assert relative_difference(layer(x), conv(x)) < 1e-6


def test_the_model_stays_as_it_is():
    model = randomize_norms(nn.Sequential(RepVGGConv2d(4, 4, 3), nn.ReLU()))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    fused = mmrep.fuse(model)
    for parameter in fused.parameters():
        nn.init.zeros_(parameter)
    assert isinstance(model[0], RepVGGConv2d)
    assert all(before[k].equal(v) for k, v in model.state_dict().items())


def test_shared_layers_and_aliases():

    class Heads(nn.Module):

        def __init__(self):
            super().__init__()
            conv = OREPAConv2d(4, 4, 3, padding=1)
            self.levels = nn.ModuleList(
                nn.Sequential(conv, nn.BatchNorm2d(4)) for _ in range(3))
            self.alias = self.levels[0][0]
            self.in_a_list = [self.alias]  # not registered

        def forward(self, x):
            for level in self.levels:
                x = level(x)
            return self.in_a_list[0](self.alias(x))

    model = randomize_norms(Heads()).eval()
    x = torch.randn(2, 4, 8, 8)
    fused = mmrep.fuse(model)
    convs = [level[0] for level in fused.levels]
    assert all(conv is fused.alias for conv in convs)
    assert type(fused.in_a_list[0]) is nn.Conv2d
    assert len(list(rep_layers(model))) == 1
    assert relative_difference(model(x), fused(x)) < 1e-5


def test_twice_is_once():
    model = randomize_norms(nn.Sequential(RepVGGConv2d(4, 4, 3))).eval()
    once = mmrep.fuse(model)
    twice = mmrep.fuse(once)
    assert all(twice.state_dict()[k].equal(v)
               for k, v in once.state_dict().items())


def test_mode_dtype_and_frozen_weights_are_kept():
    model = nn.Sequential(OREPAConv2d(4, 4, 3, dtype=torch.float64))
    model.requires_grad_(False).eval()
    fused = mmrep.fuse(model)
    assert fused[0].weight.dtype == torch.float64
    assert not fused[0].weight.requires_grad and not fused.training


@pytest.mark.parametrize('scope', WHOLE_MODELS)
def test_whole_model(scope, tmp_path):
    base, backbone = WHOLE_MODELS[scope]
    path = tmp_path / 'config.py'
    path.write_text(f"_base_ = '{scope}::_base_/models/{base}.py'")
    cfg = Config.fromfile(path).model
    cfg.pop('pretrained', None)
    cfg.backbone = backbone
    if scope == 'mmdet':
        cfg.neck.in_channels = [32, 64, 128, 256]
    else:
        cfg.decode_head.update(in_channels=320, channels=16)
        cfg.auxiliary_head.update(in_channels=48, channels=16)
    init_default_scope(scope)
    torch.manual_seed(0)
    model = randomize_norms(MODELS.build(cfg)).eval()
    fused = mmrep.fuse(model)
    assert not is_plain(model) and is_plain(fused)
    x = torch.randn(1, 3, 64, 96)
    with branch_by_branch(model):
        expected = outputs(model, x)
    for a, b in zip(expected, outputs(fused, x)):
        assert relative_difference(a, b) < 1e-5


@pytest.mark.parametrize('model', ['x', None, 3, nn.ReLU])
def test_no_module(model):
    with pytest.raises(UserError, match='must be a torch.nn'):
        mmrep.fuse(model)


def test_the_mode_of_a_graph_module():
    """The deep copy is in training mode whatever the original is."""
    pytest.importorskip('torchvision')
    from torchvision.models.feature_extraction import create_feature_extractor

    class Body(nn.Module):

        def __init__(self):
            super().__init__()
            self.conv, self.drop = RepVGGConv2d(3, 4, 3), nn.Dropout(.5)

        def forward(self, x):
            return self.drop(self.conv(x))

    x = torch.randn(1, 3, 8, 8)
    for mode in (True, False):
        model = create_feature_extractor(
            Body(), ['drop'],
            tracer_kwargs=dict(leaf_modules=[RepVGGConv2d])).train(mode)
        model.drop.eval()
        fused = mmrep.fuse(model)
        assert fused.training == mode and not fused.drop.training
    expected, actual = model(x)['drop'], fused(x)['drop']
    assert relative_difference(expected, actual) < 1e-5


@pytest.mark.parametrize('register', [
    'register_full_backward_hook', 'register_full_backward_pre_hook',
    'register_backward_hook'
])
def test_backward_hooks(register):
    model, seen = nn.Sequential(RepVGGConv2d(4, 4, 3)), []
    getattr(model[0], register)(lambda module, *_: seen.append(type(module)))
    fused = mmrep.fuse(model)
    fused(torch.randn(1, 4, 9, 9, requires_grad=True)).sum().backward()
    assert seen == [nn.Conv2d]


@pytest.mark.parametrize('make, way', [
    (lambda layer: prune.l1_unstructured(layer, 'weight', .5), 'prune.remove'),
    (nn.utils.weight_norm, 'remove_weight_norm'),
    (nn.utils.spectral_norm, 'remove_spectral_norm'),
])
@pytest.mark.filterwarnings('ignore:.*weight_norm')
def test_hooks_that_make_a_weight(make, way):
    model = nn.Sequential(OREPAConv2d(4, 4, 3, branches=['origin']), nn.ReLU())
    conv = nn.Conv2d(4, 4, 3)
    make(conv)
    model[0]._forward_pre_hooks.update(conv._forward_pre_hooks)
    with pytest.raises(UserError, match=f"'0'.*{way}") as error:
        mmrep.fuse(model)
    assert '\n' not in str(error.value)


def test_sharded():

    class DTensor(torch.Tensor):
        """A stand-in for FSDP's own, which needs processes."""

    model = nn.Sequential(RepVGGConv2d(4, 4, 3))
    bias = model[0].bias
    model[0].bias = nn.Parameter(bias.detach().as_subclass(DTensor))
    with pytest.raises(UserError, match='full state dict'):
        mmrep.fuse(model)


def test_what_only_trains_is_left_out():
    model = nn.Sequential(RepVGGConv2d(3, 4, 3))
    model[0].relu = nn.ReLU()
    model.training_only = ('teacher', )
    model.teacher = nn.Linear(2, 2)
    fused = mmrep.fuse(model)
    assert fused.teacher is None and model.teacher is not None
    assert not any('teacher' in name for name in fused.state_dict())
