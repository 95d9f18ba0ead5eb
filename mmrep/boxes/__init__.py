"""The boxes of mmdet's detectors as functions of tensors alone."""
from .coders import Size  # noqa: F401
from .detector import OUTPUTS, Detector  # noqa: F401

__all__ = ['Detector']
