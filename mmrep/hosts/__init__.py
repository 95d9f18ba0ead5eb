"""Read a config of any OpenMMLab host and build its model."""
from .config import load_config
from .model import build_model

__all__ = ['build_model', 'load_config']
