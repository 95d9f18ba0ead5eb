"""Read checkpoints, and convert official ones to mmrep's names."""
from .official import convert
from .safe_load import read_checkpoint

__all__ = ['convert', 'read_checkpoint']
