"""Hooks of mmengine's Runner."""
from .parameter_check_hook import ParameterCheckHook

__all__ = ['ParameterCheckHook']
