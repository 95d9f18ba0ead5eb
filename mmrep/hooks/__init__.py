"""Hooks of mmengine's Runner."""
from .dyrep_hook import DyRepHook
from .keep_kernels_hook import KeepKernelsHook
from .parameter_check_hook import ParameterCheckHook

__all__ = ['DyRepHook', 'KeepKernelsHook', 'ParameterCheckHook']
