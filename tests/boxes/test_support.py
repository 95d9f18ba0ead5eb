"""Detectors that cannot be exported are named, with those that can."""
import pytest
from mmengine.hub import get_config

from mmrep.boxes.support import check_detector, way_of
from mmrep.errors import UserError
from mmrep.hosts import build_model

from .detectors import KINDS, config_of, detector


@pytest.mark.parametrize('kind', KINDS)
def test_supported(kind):
    check_detector(detector(kind))


@pytest.mark.parametrize('name, words', [
    ('mask_rcnn/mask-rcnn_r50_fpn_1x_coco', 'has masks'),
    ('cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco', 'a CascadeRoIHead makes'),
    ('tood/tood_r50_fpn_1x_coco', 'a TOODHead makes its boxes in its own way'),
    ('detr/detr_r50_8xb2-150e_coco', 'a DETR makes its boxes in its own way'),
    ('fsaf/fsaf_r50_fpn_1x_coco', 'a TBLRBBoxCoder is none of'),
    ('rpn/rpn_r50_fpn_1x_coco', 'gives proposals'),
    ('dcn/faster-rcnn_r50-dconv-c3-c5_fpn_1x_coco', 'a DeformConv2d'),
])
def test_unsupported(name, words):
    cfg = get_config(f'mmdet::{name}.py')
    cfg.model.backbone.init_cfg = None
    with pytest.raises(UserError) as refused:
        check_detector(build_model(cfg))
    message = str(refused.value)
    assert words in message
    assert 'dcn' in message or ('--part neck' in message
                                and 'RetinaNet' in message)


@pytest.mark.parametrize('changes, words', [
    (dict(nms=dict(type='soft_nms')), 'hard suppression'),
    (dict(nms=dict(max_num=5)), 'hard suppression'),
    (dict(nms=None), 'hard suppression'),
    (dict(nms=dict(type='nms')), 'hard suppression'),
    (dict(max_per_img=-1), '`max_per_img` (=-1)'),
    (dict(nms_pre=-1), '`nms_pre` above 0'),
])
def test_settings(changes, words):
    model = detector('retinanet')
    for name, value in changes.items():
        model.bbox_head.test_cfg[name] = value
    with pytest.raises(UserError) as refused:
        check_detector(model)
    assert words in str(refused.value)


def test_a_head_of_ones_own():
    """A subclass serves if it makes its boxes as its parent does."""
    head = detector('retinanet').bbox_head
    kind = type(head)
    head.__class__ = type('Same', (kind, ), {})
    assert way_of(head)
    head.__class__ = type('Other', (kind, ),
                          dict(predict_by_feat=lambda *_, **__: None))
    with pytest.raises(UserError, match='a Other makes its boxes'):
        way_of(head)


def test_configs_are_those_of_mmdet():
    assert config_of('retinanet').model.bbox_head.type == 'RetinaHead'
