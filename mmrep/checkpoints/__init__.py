"""Reading checkpoints, and official ones in mmrep's names."""
from .convert import convert
from .safe_load import allow_mmengine_checkpoints, read_checkpoint

__all__ = ['allow_mmengine_checkpoints', 'convert', 'read_checkpoint']
