"""The boxes of mmdet's detectors as functions of tensors alone."""
from .coders import Size
from .detector import OUTPUTS, Detector

__all__ = ['OUTPUTS', 'Detector', 'Size']
