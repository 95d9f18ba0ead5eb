"""Hooks of mmengine's Runner."""
from .dyrep_hook import DyRepHook
from .parameter_check_hook import ParameterCheckHook

__all__ = ['DyRepHook', 'ParameterCheckHook']
