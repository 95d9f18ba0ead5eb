"""Parameter groups of an optimizer, one for all parameters treated alike."""
from typing import Any, List

import torch
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from .errors import UserError


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class GroupedOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """The default constructor of mmengine, with as few groups as there can be.

    With a ``paramwise_cfg`` mmengine's own makes a group of each parameter, so
    that an optimizer launches its kernels parameter by parameter. This one
    gives a group to all parameters with the same options, in the order in
    which the model first has them. The updates are the same, bit for bit,
    apart from the norm in ``clip_grad``, which adds up in another order.

    Args:
        optim_wrapper_cfg: The config of the optimizer wrapper.
        paramwise_cfg: The options of parameters, as mmengine describes them.
            Defaults to None, which needs a single group.

    Raises:
        UserError: A parameter has several names, and ``bypass_duplicate`` is
            not set.

    Examples:
        >>> from mmengine.optim import build_optim_wrapper
        >>> from torch import nn
        >>> import mmrep
        >>> net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4),
        ...                     nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4))
        >>> cfg = dict(
        ...     optimizer=dict(type='SGD', lr=0.1, weight_decay=1e-4),
        ...     paramwise_cfg=dict(norm_decay_mult=0.))
        >>> len(build_optim_wrapper(net, cfg).optimizer.param_groups)
        8
        >>> cfg['constructor'] = 'GroupedOptimWrapperConstructor'
        >>> len(build_optim_wrapper(net, cfg).optimizer.param_groups)
        2
    """

    def add_params(self,
                   params: List[dict],
                   module: nn.Module,
                   prefix: str = '',
                   is_dcn_module: Any = None) -> None:
        """Add the groups of a module and all in it.

        Args:
            params: The groups so far, changed in place.
            module: The module.
            prefix: The name of the module. Defaults to that of the model.
            is_dcn_module: Whether the module around it is a deformable
                convolution. Defaults to None.

        Raises:
            UserError: See the class.
        """
        super().add_params(params, module, prefix, is_dcn_module)
        if not prefix:  # all modules inside have been added
            params[:] = merged(params)

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimizer of a model and its wrapper.

        Args:
            model: The model, perhaps in a wrapper such as DDP.

        Raises:
            UserError: See the class.
        """
        wrapper = super().__call__(model)
        # mmengine keeps these beside several groups; a net may grow its
        # second one, and schedulers count them when a training is resumed
        if self.paramwise_cfg and wrapper.base_param_settings is None:
            wrapper.base_param_settings = dict(
                params=torch.tensor([0.]), **wrapper.optimizer.defaults)
        return wrapper


def merged(groups: List[dict]) -> List[dict]:
    """Return groups of which no two have the same options.

    Args:
        groups: The groups, which stay as they are.

    Raises:
        UserError: A parameter is in several groups.
    """
    found: List[dict] = []
    known = set()
    for group in groups:
        if not known.isdisjoint(group['params']):
            raise UserError(
                f'a parameter of the shape {tuple(group["params"][0].shape)} '
                'has several names in the model and would be trained twice: '
                'set `optim_wrapper.paramwise_cfg.bypass_duplicate` to True')
        known.update(group['params'])
        like = next((g for g in found if _options(g) == _options(group)), None)
        if like is None:
            found.append(dict(group, params=list(group['params'])))
        else:
            like['params'] += group['params']
    return found


def _options(group: dict) -> dict:
    return {key: value for key, value in group.items() if key != 'params'}
