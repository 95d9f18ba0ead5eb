"""The hook that keeps kernels while a Runner validates or tests."""
from contextlib import ExitStack
from typing import Any, Dict, Optional

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ..nets.keep import keep_kernels


@HOOKS.register_module()
class KeepKernelsHook(Hook):
    """Hook that keeps the kernels of blocks during each validation and test.

    See :func:`mmrep.keep_kernels`. ``tools/train.py`` and ``tools/test.py``
    add this hook to every run. After a validation that an exception ended, the
    next run, iteration or validation drops the kernels.

    Examples:
        >>> from mmengine.registry import HOOKS
        >>> import mmrep
        >>> custom_hooks = [dict(type='KeepKernelsHook')]  # in a config
        >>> type(HOOKS.build(custom_hooks[0])).__name__
        'KeepKernelsHook'
    """

    priority = 'VERY_LOW'  # after hooks that swap weights

    def __init__(self) -> None:
        self.kept = ExitStack()

    def before_run(self, runner: Runner) -> None:
        self.kept.close()

    def after_run(self, runner: Runner) -> None:
        self.kept.close()

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: Any = None) -> None:
        self.kept.close()

    def before_val_epoch(self, runner: Runner) -> None:
        self.kept.close()
        self.kept.enter_context(keep_kernels(runner.model))

    def after_val_epoch(self,
                        runner: Runner,
                        metrics: Optional[Dict[str, float]] = None) -> None:
        self.kept.close()

    before_test_epoch = before_val_epoch
    after_test_epoch = after_val_epoch
