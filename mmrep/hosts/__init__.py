"""Reading a config and building its model, of any OpenMMLab host."""
from .config import load_config
from .model import build_model

__all__ = ['build_model', 'load_config']
