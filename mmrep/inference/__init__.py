"""Exported files: run, quantised, and evaluated through their hosts."""
from .runtimes import Runtime, open_runtime

__all__ = ['Runtime', 'open_runtime']
