"""Official networks through the backbones, and blocks through the layers."""
import pytest
import torch
from mmengine.registry import MODELS
from mmpretrain.models import ImageClassifier
from mmpretrain.models.backbones import ResNet

from mmrep import DBBResNet
from mmrep.checkpoints import convert
from mmrep.deploy import relative_difference

NETWORKS = {
    'resnet18_orepa': 'OREPAResNet',
    'resnet50_orepa': 'OREPAResNet',
    'resnet18_dbb': 'DBBResNet',
    'repvgg_a_repvgg': 'RepVGGBackbone',
    'repvgg_ag2_repvgg': 'RepVGGBackbone',
    'repvgg_a_orepa': 'OREPAVGGBackbone',
}
# official DBB blocks have no norm behind
OPTIONS = {'resnet18_dbb': dict(norm_behind=False)}
FORMS = (  # both plain and rich nets load deployed weights
    ('state_dict', None),
    ('deploy_state_dict', None),
    ('deploy_state_dict', dict(type='Conv2d')),
)


def load(goldens, name):
    path = goldens / f'{name}.pt'
    if not path.exists():
        pytest.skip(f'{name} is not in the small copy')
    return torch.load(path, weights_only=True)


def build(name, arch, conv_cfg):
    if 'depth' in arch:
        options = dict(depth=arch['depth'], base_channels=8)
        options.update({} if conv_cfg else OPTIONS.get(name, {}))
    else:
        options = dict(
            arch=dict(
                num_blocks=arch['num_blocks'],
                width_factor=arch['width_multiplier'],
                groups=arch.get('groups', 1)))
    return MODELS.build(
        dict(type=NETWORKS[name], conv_cfg=conv_cfg, **options))


@pytest.mark.parametrize('form, conv_cfg', FORMS)
@pytest.mark.parametrize('name', NETWORKS)
def test_features(goldens, name, form, conv_cfg):
    golden = load(goldens, name)
    net = build(name, golden['arch'], conv_cfg).eval()
    net.load_state_dict(convert(golden[form]))
    with torch.no_grad():
        out = net(golden['input'])
    for a, b in zip(golden['features'].values(), out, strict=True):
        assert relative_difference(a, b) < 1e-5


@pytest.mark.parametrize('form, conv_cfg', FORMS)
@pytest.mark.parametrize('name', NETWORKS)
def test_logits(goldens, name, form, conv_cfg):
    """A classifier of mmpretrain loads every name and gives the logits."""
    golden = load(goldens, name)
    classes, channels = golden['state_dict']['linear.weight'].shape
    model = ImageClassifier(
        build(name, golden['arch'], conv_cfg),
        neck=dict(type='mmpretrain.GlobalAveragePooling'),
        head=dict(
            type='mmpretrain.LinearClsHead',
            num_classes=classes,
            in_channels=channels)).eval()
    model.load_state_dict(convert(golden[form], target='classifier'))
    with torch.no_grad():
        logits = model(golden['input'])
    assert relative_difference(golden['logits'], logits) < 1e-5


@pytest.mark.parametrize('form', ['state_dict', 'deploy_state_dict'])
def test_with_norms_behind(goldens, form):
    """A net built by default, with norms behind, computes the same."""
    golden = load(goldens, 'resnet18_dbb')
    net = DBBResNet(18, base_channels=8).eval()
    net.load_state_dict(convert(golden[form], norm_behind=True))
    with torch.no_grad():
        out = net(golden['input'])
    for a, b in zip(golden['features'].values(), out, strict=True):
        assert relative_difference(a, b) < 1e-5


@pytest.mark.parametrize('name',
                         [n for n in NETWORKS if n.startswith('resnet')])
def test_a_stock_resnet_takes_deployed_ones(goldens, name):
    golden = load(goldens, name)
    net = ResNet(
        golden['arch']['depth'],
        stem_channels=8,
        base_channels=8,
        out_indices=(0, 1, 2, 3))
    net.load_state_dict(convert(golden['deploy_state_dict']))
    net.eval()
    with torch.no_grad():
        out = net(golden['input'])
    for a, b in zip(golden['features'].values(), out, strict=True):
        assert relative_difference(a, b) < 1e-5


@pytest.mark.parametrize('name, kind', [
    ('dbb_3x3', 'DBBConv2d'),
    ('dbb_3x3_s2_expand', 'DBBConv2d'),
    ('dbb_3x3_depthwise', 'DBBConv2d'),
    ('dbb_5x5_g2', 'DBBConv2d'),
    ('repvgg_3x3_s2_g2', 'RepVGGConv2d'),
    ('orepa_vgg_3x3', 'OREPAVGGConv2d'),
    ('orepa_vgg_3x3_s2', 'OREPAVGGConv2d'),
])
def test_single_blocks(goldens, name, kind):
    golden = load(goldens, name)
    layer = MODELS.build(dict(type=kind, bias=False, **golden['kwargs']))
    layer.load_state_dict(convert(golden['state_dict']))
    for training, expected in ((False, 'output_eval'), (True, 'output_train')):
        out = layer.train(training)(golden['input'])
        if 'vgg' in name:
            out = out.relu()
        assert relative_difference(golden[expected], out) < 1e-5
