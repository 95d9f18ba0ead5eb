"""Official RepVGGplus names, against features computed with them."""
import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmpretrain.models import ImageClassifier

from mmrep.checkpoints import convert
from mmrep.errors import UserError

WIDTHS = dict(stage1=4, stage2=6, stage3_first=8, stage3_second=8, stage4=12)
BLOCKS = dict(stage1=1, stage2=2, stage3_first=1, stage3_second=2, stage4=1)
AUXILIARY = ('stage1', 'stage2', 'stage3_first')
CLASSES = 5


def norm(name, channels):
    return {
        f'{name}.weight': torch.rand(channels) + .5,
        f'{name}.bias': torch.randn(channels),
        f'{name}.running_mean': torch.randn(channels),
        f'{name}.running_var': torch.rand(channels) + .5,
        f'{name}.num_batches_tracked': torch.tensor(3)
    }


def conv(name, channels, outs, size):
    return {f'{name}.weight': torch.randn(outs, channels, size, size) / 4}


def block(name, channels, outs, deployed):
    out = {}
    if deployed:
        out.update(conv(f'{name}.rbr_reparam', channels, outs, 3))
        out[f'{name}.rbr_reparam.bias'] = torch.randn(outs)
    else:
        for branch, size in (('rbr_dense', 3), ('rbr_1x1', 1)):
            out.update(conv(f'{name}.{branch}.conv', channels, outs, size))
            out.update(norm(f'{name}.{branch}.bn', outs))
        if channels == outs:  # never with a stride here
            out.update(norm(f'{name}.rbr_identity', outs))
    for leaf, shape in (('down', (max(1, outs // 4), outs)),
                        ('up', (outs, max(1, outs // 4)))):
        out.update(conv(f'{name}.post_se.{leaf}', shape[1], shape[0], 1))
        out[f'{name}.post_se.{leaf}.bias'] = torch.randn(shape[0])
    return out


def official(deployed=False):
    """Return weights of a small net by their official names."""
    torch.manual_seed(0)
    out, channels = block('stage0', 3, 4, deployed), 4
    for stage, width in WIDTHS.items():
        # where the stride is 2 there is no identity, whatever the channels
        for i in range(BLOCKS[stage]):
            out.update(block(f'{stage}.blocks.{i}', channels, width, deployed))
            if i == 0 and stage != 'stage3_second':
                out = {
                    k: v
                    for k, v in out.items()
                    if f'{stage}.blocks.0.rbr_identity' not in k
                }
            channels = width
    out.update({'linear.weight': torch.randn(CLASSES, channels)})
    out['linear.bias'] = torch.randn(CLASSES)
    for stage in () if deployed else AUXILIARY:
        width = WIDTHS[stage]
        out.update(conv(f'{stage}_aux.0.conv', width, width, 3))
        out.update(norm(f'{stage}_aux.0.bn', width))
        out[f'{stage}_aux.3.weight'] = torch.randn(CLASSES, width)
        out[f'{stage}_aux.3.bias'] = torch.randn(CLASSES)
    return {
        k: v.double() if v.is_floating_point() else v
        for k, v in out.items()
    }


def normed(w, name, x):
    return F.batch_norm(x, w[f'{name}.running_mean'], w[f'{name}.running_var'],
                        w[f'{name}.weight'], w[f'{name}.bias'])


def run_block(w, name, x, stride):
    if f'{name}.rbr_reparam.weight' in w:
        out = F.conv2d(x, w[f'{name}.rbr_reparam.weight'],
                       w[f'{name}.rbr_reparam.bias'], stride, 1)
    else:
        out = sum(
            normed(
                w, f'{name}.{b}.bn',
                F.conv2d(x, w[f'{name}.{b}.conv.weight'], None, stride, pad))
            for b, pad in (('rbr_dense', 1), ('rbr_1x1', 0)))
        if f'{name}.rbr_identity.weight' in w:
            out = out + normed(w, f'{name}.rbr_identity', x)
    out = out.relu()
    gate = out.mean((2, 3), keepdim=True)
    for leaf, act in (('down', torch.relu), ('up', torch.sigmoid)):
        gate = act(
            F.conv2d(gate, w[f'{name}.post_se.{leaf}.weight'],
                     w[f'{name}.post_se.{leaf}.bias']))
    return out * gate


def run(w, x):
    """Return the scores of the classifier, then of the auxiliary ones."""
    x, others = run_block(w, 'stage0', x, 2), []
    for stage in WIDTHS:
        for i in range(BLOCKS[stage]):
            stride = 1 if i or stage == 'stage3_second' else 2
            x = run_block(w, f'{stage}.blocks.{i}', x, stride)
        name = f'{stage}_aux'
        if f'{name}.3.weight' in w:
            y = F.conv2d(x, w[f'{name}.0.conv.weight'], None, 2, 1)
            y = normed(w, f'{name}.0.bn', y).relu().mean((2, 3))
            others.append(
                F.linear(y, w[f'{name}.3.weight'], w[f'{name}.3.bias']))
    pooled = x.mean((2, 3))
    return [F.linear(pooled, w['linear.weight'], w['linear.bias']), *others]


def classifier(deployed):
    init_default_scope('mmpretrain')
    arch = dict(
        num_blocks=(1, 2, 3, 1),
        width_factor=(4 / 64, 6 / 128, 8 / 256, 12 / 512),
        with_post_se=True)
    return ImageClassifier(
        backbone=dict(
            type='RepVGGBackbone',
            arch=arch,
            out_indices=(0, 1, 3),
            half_indices=(2, ),
            conv_cfg=dict(type='Conv2d') if deployed else None),
        head=dict(
            type='AuxiliaryClsHead',
            num_classes=CLASSES,
            in_channels=12,
            aux_channels=() if deployed else (4, 6, 8))).double().eval()


@pytest.mark.parametrize('deployed', [False, True])
def test_scores(deployed):
    weights = official(deployed)
    model = classifier(deployed)
    model.load_state_dict(convert(weights, 'classifier'))
    x = torch.randn(2, 3, 96, 96, dtype=torch.float64)
    with torch.no_grad():
        features = model.extract_feat(x)
        ours = [model.head(features), *model.head.forward_auxiliary(features)]
        expected = run(weights, x)
    assert len(expected) == (1 if deployed else 4)
    for a, b in zip(expected, ours, strict=True):
        torch.testing.assert_close(b, a, rtol=1e-10, atol=1e-10)


def test_backbone_alone():
    backbone = convert(official())
    assert backbone.keys() == classifier(False).backbone.state_dict().keys()


def test_names_of_wrappers():
    weights = {f'module.{k}': v for k, v in official().items()}
    assert convert(dict(model=weights)).keys() == convert(official()).keys()


def test_halves_that_do_not_fit():
    """A net without its last block would look like a whole, shorter one."""
    weights = {k: v for k, v in official().items() if '_second' not in k}
    with pytest.raises(UserError, match="'stage3' has 1 blocks in its first "):
        convert(weights)
