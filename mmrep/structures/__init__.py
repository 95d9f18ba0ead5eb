"""The block structure of a model: described, written and restored."""
from .by_config import restructured
from .describe import restructure, structure

__all__ = ['restructure', 'restructured', 'structure']
