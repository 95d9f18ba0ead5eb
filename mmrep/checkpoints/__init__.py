"""Reading checkpoints, and official ones in mmrep's names."""
from .convert import convert
from .safe_globals import allow_mmengine_checkpoints
from .safe_load import read_checkpoint

__all__ = ['allow_mmengine_checkpoints', 'convert', 'read_checkpoint']
