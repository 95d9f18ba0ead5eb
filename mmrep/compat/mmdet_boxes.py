"""Which of mmdet's classes make boxes alike, read from private methods.

Uses ``_predict_by_feat_single``, ``_bbox_post_process``, ``_bbox_decode`` and
``_bbox_forward`` of mmdet 3: a head whose methods are those of a known class
makes its boxes as that class does, whatever else it overrides. Nothing public
tells that up to mmdet 3.3.
"""
from typing import Tuple

# the methods that make boxes, by kind of class
DETECTOR = ('predict', )
DENSE = ('predict', 'predict_by_feat', '_predict_by_feat_single',
         '_bbox_post_process')
YOLOX = ('predict', 'predict_by_feat', '_bbox_post_process', '_bbox_decode')
REGIONS = ('predict', 'predict_bbox', '_bbox_forward')
REGION_HEAD = ('predict_by_feat', '_predict_by_feat_single')
EXTRACTOR = ('forward', 'map_roi_levels')


def makes_boxes_as(kind: type, known: type, methods: Tuple[str, ...]) -> bool:
    """Return True if a class takes all named methods from a known class."""
    return issubclass(kind, known) and all(
        getattr(kind, name) is getattr(known, name) for name in methods)
