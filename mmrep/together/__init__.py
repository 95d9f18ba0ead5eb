"""Make the kernels of all blocks of a net at once."""
from .net import batch_kernels

__all__ = ['batch_kernels']
