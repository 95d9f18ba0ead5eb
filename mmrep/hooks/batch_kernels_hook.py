"""The hook that lets a Runner's model make its kernels at once."""
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ..layers.geometry import check_flag
from ..together import batch_kernels


@HOOKS.register_module()
class BatchKernelsHook(Hook):
    """Hook that makes the kernels of all blocks of a model at once.

    See :func:`mmrep.batch_kernels`.

    Args:
        compiled: True to run the batches as two CUDA graphs, or compiled on a
            CPU. Defaults to False.

    Raises:
        UserError: ``compiled`` is neither True nor False.

    Examples:
        >>> from mmengine.registry import HOOKS
        >>> import mmrep
        >>> custom_hooks = [dict(type='BatchKernelsHook')]  # in a config
        >>> type(HOOKS.build(custom_hooks[0])).__name__
        'BatchKernelsHook'
    """

    def __init__(self, compiled: bool = False) -> None:
        check_flag('compiled', compiled)
        self.compiled = compiled

    def before_run(self, runner: Runner) -> None:
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        batch_kernels(model, compiled=self.compiled)
