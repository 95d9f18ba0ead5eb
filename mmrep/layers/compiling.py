"""Whether a compiler reads along, in any version of PyTorch."""
try:
    from torch.compiler import is_compiling
except ImportError:  # before 2.3 the compiler knows it by another name
    from torch._utils import is_compiling

__all__ = ['is_compiling']
