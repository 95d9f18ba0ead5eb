"""Hooks of mmengine's Runner."""
from .batch_kernels_hook import BatchKernelsHook
from .dyrep_hook import DyRepHook
from .keep_kernels_hook import KeepKernelsHook
from .parameter_check_hook import ParameterCheckHook
from .repvgg_l2_hook import RepVGGL2Hook
from .training_record_hook import TrainingRecordHook

__all__ = [
    'BatchKernelsHook', 'DyRepHook', 'KeepKernelsHook', 'ParameterCheckHook',
    'RepVGGL2Hook', 'TrainingRecordHook'
]
