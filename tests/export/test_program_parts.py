"""Parts of nets that torch.export holds."""
import copy

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.models.utils import Upsample
from torch import nn

import mmrep
from mmrep.cli import build_model, load_config
from mmrep.deploy.verify import relative_difference
from mmrep.export.nets import Nets, exportable
from mmrep.export.onnx_pool import MatrixPool
from mmrep.export.program import export
from mmrep.export.program_parts import ProgramPart, default_part, reference_of
from mmrep.testing import randomize_norms

from ..refusals import sentence


def model_of(config):
    torch.manual_seed(0)
    return randomize_norms(build_model(load_config(config))).eval()


@pytest.fixture(scope='module')
def detector(tiny_det):
    model = model_of(tiny_det)
    for layer in (model.bbox_head.retina_cls, model.bbox_head.retina_reg):
        layer.weight.data *= 1e-3  # no exponent of thousands
    return model


@torch.no_grad()
def test_heads(detector):
    x = torch.randn(1, 3, 64, 96)
    maps = ProgramPart(detector, 'heads')(x)
    classes, deltas = detector.bbox_head(detector.extract_feat(x))
    assert len(maps) == 10
    for found, expected in zip(maps, [*classes, *deltas]):
        assert found.equal(expected)


@torch.no_grad()
def test_candidates(detector):
    """The best are those that mmdet finds if nothing is suppressed."""
    x = torch.randn(1, 3, 64, 96)
    boxes, scores = ProgramPart(detector, 'candidates')(x)
    head = detector.bbox_head
    expected, = head.predict_by_feat(
        *head(detector.extract_feat(x)),
        batch_img_metas=[dict(img_shape=(64, 96), scale_factor=(1., 1.))],
        cfg=ConfigDict(score_thr=0, nms_pre=10**6),
        rescale=False,
        with_nms=False)
    assert scores.shape == (1, boxes.shape[1], 2)
    assert len(expected) == scores.numel()
    torch.testing.assert_close(scores.flatten().sort().values,
                               expected.scores.sort().values)
    torch.testing.assert_close(boxes.sum() * 2, expected.bboxes.sum())


def test_only_what_a_net_has(detector, tiny_seg):
    segmentor = model_of(tiny_seg)
    assert default_part(detector) == 'candidates'
    assert default_part(segmentor) == 'whole'
    assert '--part candidates' in sentence(ProgramPart, detector, 'whole')
    assert 'no --part heads' in sentence(ProgramPart, segmentor, 'heads')
    headless = copy.copy(detector)
    headless._modules = {**detector._modules, 'bbox_head': None}
    assert 'no backbone' in sentence(ProgramPart, nn.Conv2d(1, 1, 1), 'whole')
    assert 'no dense head' in sentence(ProgramPart, headless, 'candidates')
    headless._modules['bbox_head'] = nn.Identity()
    assert 'in its own way' in sentence(ProgramPart, headless, 'candidates')


def test_exportable_has_layers_of_torch(tiny_seg):
    plain = model_of(tiny_seg)
    plain.decode_head.more = nn.Sequential(
        Upsample(scale_factor=2), nn.AdaptiveAvgPool2d(3))
    part = exportable(Nets(None, plain, None), 'whole', ProgramPart)
    more = part.model.decode_head.more
    assert type(part) is ProgramPart
    assert [type(m) for m in more] == [nn.Upsample, MatrixPool]
    assert type(plain.decode_head.more[0]) is Upsample


@torch.no_grad()
def test_reference_is_the_training_form(tiny_seg):
    rich, x = model_of(tiny_seg), torch.randn(2, 3, 32, 32)
    plain = mmrep.fuse(copy.deepcopy(rich))
    expected = ProgramPart(plain, 'whole')(x)[0]
    known = reference_of(Nets(None, plain, rich), 'whole')(x)[0]
    assert 0 < relative_difference(expected, known) < 1e-5
    assert reference_of(Nets(None, plain, None), 'whole')(x)[0].equal(expected)


class OneLevel(nn.Module):
    """A detector whose only level has a stride of 8."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Conv2d(3, 8, 8, 8)
        self.bbox_head = MODELS.build(
            dict(
                type='RetinaHead',
                num_classes=2,
                in_channels=8,
                feat_channels=8,
                stacked_convs=1,
                anchor_generator=dict(
                    type='AnchorGenerator',
                    ratios=[1.],
                    scales=[4],
                    strides=[8]),
                test_cfg=ConfigDict(
                    nms_pre=9, nms=dict(type='nms', iou_threshold=0.5))))

    def extract_feat(self, x):
        return [self.backbone(x)]


@pytest.mark.skipif(
    not hasattr(getattr(torch.export, 'Dim', None), 'DYNAMIC'),
    reason='torch has no such export')
def test_candidates_of_any_size():
    """Anchors and borders follow the size of the images."""
    init_default_scope('mmdet')
    net = ProgramPart(OneLevel().eval(), 'candidates')
    program = export(net, net, (2, 3, 64, 96))
    assert program.free == 'batch, height, width' and program.worst < 1e-6
