"""Which detectors of mmdet can make their boxes from tensors alone."""
from typing import Any, Callable, List, NoReturn, Optional, Tuple

from torch import nn

from ..compat.mmdet_boxes import (DENSE, DETECTOR, EXTRACTOR, REGION_HEAD,
                                  REGIONS, YOLOX, makes_boxes_as)
from ..errors import UserError, shown
from .coders import DECODERS
from .dense import from_best_classes, from_maps
from .regions import proposals

SUPPORTED = ('Faster R-CNN, RetinaNet, ATSS, FCOS, GFL, YOLOX, RTMDet and '
             'detectors whose heads make boxes as theirs')
NMS_KEYS = {'type', 'iou_threshold', 'iou_thr', 'class_agnostic', 'split_thr'}


def check_detector(model: nn.Module) -> None:
    """Refuse a detector whose boxes need more than known functions.

    Args:
        model: The model of mmdet.

    Raises:
        UserError: The detector, a head or a setting of it is not supported.
    """
    from mmdet.models import SingleStageDetector, TwoStageDetector
    _check_convolutions(model)
    if makes_boxes_as(type(model), TwoStageDetector, DETECTOR):
        if getattr(model, 'rpn_head', None) is None:
            _refuse(model, 'has no region proposal network')
        way_of(model.rpn_head)
        _check_regions(model.roi_head)
    elif makes_boxes_as(type(model), SingleStageDetector, DETECTOR):
        if way_of(model.bbox_head) is proposals:
            _refuse(model, 'gives proposals, which have no classes')
    else:
        _refuse(model, 'makes its boxes in its own way')


def limit_of(model: nn.Module) -> Optional[int]:
    """Return the largest number of a detector's boxes, None without a limit.

    mmdet limits those of YOLOX by nothing, whatever ``max_per_img`` says.

    Args:
        model: A supported detector.
    """
    regions = getattr(model, 'roi_head', None)
    if regions is None and way_of(model.bbox_head) is from_best_classes:
        return None
    head = model.bbox_head if regions is None else regions
    return head.test_cfg.get('max_per_img')


def way_of(head: nn.Module) -> Callable:
    """Return the function that makes a dense head's boxes of its maps.

    Args:
        head: The dense head of a detector.

    Raises:
        UserError: The head or a setting of it is not supported.
    """
    for known, methods, way in _ways():
        if makes_boxes_as(type(head), known, methods):
            if way is not from_best_classes:
                _check_coder(head)
            if way is from_maps and not head.test_cfg.get('nms_pre', -1) > 0:
                _refuse(head, 'needs a `nms_pre` above 0 in its test_cfg')
            _check_suppression(head, head.test_cfg)
            return way
    _refuse(head, 'makes its boxes in its own way')


def _ways() -> List[Tuple[type, tuple, Callable]]:
    from mmdet.models import dense_heads as heads
    from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
    return [(heads.RPNHead, DENSE, proposals),
            (heads.YOLOXHead, YOLOX, from_best_classes),
            (heads.GFLHead, DENSE, from_maps),
            (BaseDenseHead, DENSE, from_maps)]


def _check_regions(head: nn.Module) -> None:
    from mmdet.models.roi_heads import (BBoxHead, SingleRoIExtractor,
                                        StandardRoIHead)
    if not makes_boxes_as(type(head), StandardRoIHead, REGIONS):
        _refuse(head, 'makes its boxes in its own way')
    if head.with_mask or head.with_shared_head:
        _refuse(head, 'has masks or a shared head')
    extractor = head.bbox_roi_extractor
    if not makes_boxes_as(type(extractor), SingleRoIExtractor, EXTRACTOR):
        _refuse(extractor, 'pools in its own way')
    for layer in extractor.roi_layers:
        if type(layer).__name__ != 'RoIAlign' or layer.pool_mode != 'avg':
            _refuse(layer, 'pools otherwise than a RoIAlign that averages')
    if not makes_boxes_as(type(head.bbox_head), BBoxHead, REGION_HEAD):
        _refuse(head.bbox_head, 'makes its boxes in its own way')
    if not head.bbox_head.with_reg or not head.bbox_head.with_cls:
        _refuse(head.bbox_head, 'gives no corners or no scores')
    _check_coder(head.bbox_head)
    _check_suppression(head, head.test_cfg)


def _check_coder(head: nn.Module) -> None:
    if type(head.bbox_coder).__name__ not in DECODERS:
        _refuse(head.bbox_coder, f'is none of {", ".join(DECODERS)}')
    loss = getattr(head, 'loss_cls', None)  # SSD's head has none
    if getattr(loss, 'custom_cls_channels', False):
        _refuse(loss, 'computes the scores in its own way')


def _check_suppression(head: nn.Module, cfg: Any) -> None:
    nms = cfg.get('nms')
    known = nms and nms.get('type', 'nms') == 'nms' and not set(nms) - NMS_KEYS
    if not known or not {'iou_threshold', 'iou_thr'} & set(nms):
        raise UserError(
            f'`nms` (={shown(nms)}) of the test_cfg of a '
            f'{type(head).__name__} cannot be exported: ONNX has hard '
            "suppression alone, dict(type='nms', iou_threshold=...); set "
            'that, or export --part neck')
    limit = cfg.get('max_per_img')
    if limit is not None and limit < 1:
        raise UserError(f'`max_per_img` (={limit}) of the test_cfg '
                        f'of a {type(head).__name__} must be above 0, to '
                        'export boxes: set it to a number such as 100')


def _check_convolutions(model: nn.Module) -> None:
    for module in model.modules():
        if 'DeformConv' in type(module).__name__:
            raise UserError(
                f'a {type(module).__name__} cannot be exported: no operator '
                'of the ONNX opset that torch exports is a deformable '
                'convolution; leave `dcn` out of the config, or export --part '
                'neck if the head alone has it')


def _refuse(module: nn.Module, why: str) -> NoReturn:
    raise UserError(
        f'the boxes of this net cannot be exported: a {type(module).__name__} '
        f'{why}; export --part neck, or take one of {SUPPORTED}')
