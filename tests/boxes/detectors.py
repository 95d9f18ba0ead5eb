"""Small detectors of mmdet whose random weights give sensible boxes."""
from functools import lru_cache

import torch
from mmengine.hub import get_config
from torch import nn

import mmrep
from mmrep.hosts import build_model
from mmrep.testing import randomize_norms

FPN = dict(neck=dict(in_channels=[8, 16, 32, 64], out_channels=16))
NARROW = dict(num_classes=3, in_channels=16, feat_channels=16, stacked_convs=1)
GROUPS = dict(NARROW, feat_channels=64)  # for group norms of 32 groups
BACKBONE = dict(
    _delete_=True,
    type='mmrep.RepVGGResNet',
    depth=18,
    base_channels=8,
    init_cfg=None)


def resnet(**model):
    """Return changes of a config with a ResNet and an FPN."""
    return dict(backbone=BACKBONE, **FPN, **model)


CONFIGS = dict(
    retinanet=('retinanet/retinanet_r18_fpn_1x_coco',
               resnet(bbox_head=NARROW)),
    faster_rcnn=('faster_rcnn/faster-rcnn_r50_fpn_1x_coco',
                 resnet(
                     rpn_head=dict(in_channels=16, feat_channels=16),
                     roi_head=dict(
                         bbox_roi_extractor=dict(out_channels=16),
                         bbox_head=dict(
                             in_channels=16, fc_out_channels=32,
                             num_classes=3)))),
    atss=('atss/atss_r50_fpn_1x_coco', resnet(bbox_head=GROUPS)),
    fcos=('fcos/fcos_r50-caffe_fpn_gn-head_1x_coco', resnet(bbox_head=GROUPS)),
    gfl=('gfl/gfl_r50_fpn_1x_coco', resnet(bbox_head=GROUPS)),
    yolox=('yolox/yolox_tiny_8xb8-300e_coco',
           dict(
               backbone=dict(widen_factor=0.125),
               neck=dict(
                   in_channels=[32, 64, 128],
                   out_channels=16,
                   num_csp_blocks=1),
               bbox_head=NARROW)),
    rtmdet=('rtmdet/rtmdet_tiny_8xb32-300e_coco',
            dict(
                backbone=dict(widen_factor=0.125, init_cfg=None),
                neck=dict(
                    in_channels=[32, 64, 128],
                    out_channels=16,
                    num_csp_blocks=1),
                bbox_head=NARROW)),
)
KINDS = sorted(CONFIGS)


@lru_cache(maxsize=None)
def config_of(kind):
    """Return the config of a small detector."""
    name, changes = CONFIGS[kind]
    cfg = get_config(f'mmdet::{name}.py')
    cfg.merge_from_dict(dict(model=changes))
    return cfg


def detector(kind, **changes):
    """Return a fused detector in eval mode, with random norms.

    Args:
        kind: A key of CONFIGS.
        **changes: What to merge into the config of its model.
    """
    cfg = config_of(kind).copy()
    cfg.merge_from_dict(dict(model=changes))
    torch.manual_seed(0)
    model = randomize_norms(build_model(cfg)).eval()
    return tamed(
        mmrep.fuse(model) if kind not in ('yolox', 'rtmdet') else model)


@torch.no_grad()
def tamed(model):
    """Scale the last layers of the heads: random ones give wild boxes.

    Logits then have a spread of 2 and a mean of -2, deltas a spread of 0.5.
    """
    features = model.extract_feat(torch.randn(1, 3, 96, 128))
    dense = getattr(model, 'rpn_head', None) or model.bbox_head
    _tame(dense, features)
    if hasattr(model, 'roi_head'):
        head = model.roi_head.bbox_head
        pooled = torch.randn(64, 16, 7, 7).relu() * features[0].std()
        _tame(head, pooled)
    return model


def _tame(head, x):
    for _ in range(4):  # layers share inputs with others before them
        seen = {}
        handles = [
            module.register_forward_hook(
                lambda module, _, y: seen.setdefault(module, []).append(y))
            for module in head.modules()
            if isinstance(module, (nn.Conv2d, nn.Linear))
        ]
        head(x)
        for handle in handles:
            handle.remove()
        names = {module: name for name, module in head.named_modules()}
        for module, outputs in seen.items():
            values = torch.cat([y.flatten() for y in outputs])
            spread, mean = _wanted(names[module])
            module.weight.div_(values.std() / spread)
            if module.bias is not None:
                module.bias.fill_(mean)


def _wanted(name):
    """Return the spread and the bias that a layer's outputs should have."""
    if 'convs' in name or 'fcs' in name or name == 'rpn_conv':
        return 1., 0.
    if 'reg' in name:
        return 0.5, 0.
    return 2., -2.
