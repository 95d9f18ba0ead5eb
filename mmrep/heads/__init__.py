"""Heads of classifiers."""
from .builder import auxiliary_cls_head

__all__ = ['auxiliary_cls_head']
