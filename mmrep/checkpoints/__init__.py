"""Reading checkpoints, and official ones in mmrep's names."""
from .convert import convert

__all__ = ['convert']
