"""The hook that stops runs in which parameters would stay untrained."""
from typing import Iterator, Union

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

from ..errors import UserError
from .groups import param_groups


@HOOKS.register_module()
class ParameterCheckHook(Hook):
    """Hook that stops a run whose optimizer lacks parameters of the model.

    A Runner makes its optimizer before it loads weights, and blocks take over
    the branches of the weights that they load. ``tools/train.py`` adds this
    hook to every run.

    Raises:
        UserError: A parameter of the model is in no group of the optimizer.

    Examples:
        >>> from mmengine.registry import HOOKS
        >>> import mmrep
        >>> custom_hooks = [dict(type='ParameterCheckHook')]  # in a config
        >>> type(HOOKS.build(custom_hooks[0])).__name__
        'ParameterCheckHook'
    """

    priority = 'VERY_LOW'  # after hooks that give the optimizer parameters

    def before_run(self, runner: Runner) -> None:
        # this includes parameters that the optimizer leaves out on purpose
        self.there = list(runner.model.parameters())

    def before_train(self, runner: Runner) -> None:
        known = {id(p) for p in self.there}
        known |= {id(p) for p in _optimized(runner.optim_wrapper)}
        del self.there
        lost = [
            name for name, parameter in runner.model.named_parameters()
            if parameter.requires_grad and id(parameter) not in known
        ]
        if lost:
            raise UserError(
                f'{len(lost)} parameters, e.g. {lost[0]!r}, came with the '
                'loaded weights, after the optimizer was made: build the '
                "backbone with type='Restructured' and this checkpoint as its "
                '`structure`')


def _optimized(
    optim_wrapper: Union[OptimWrapper, OptimWrapperDict]
) -> Iterator[nn.Parameter]:
    for group in param_groups(optim_wrapper):
        yield from group['params']
