"""The hook of RepVGG's custom L2, the decay of the fused kernel."""
from typing import Any, Dict, Iterator, List, Optional, Union

from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

from ..errors import UserError, shown
from ..layers import RepVGGConv2d
from ..layers.geometry import is_number
from ..layers.repvgg_l2 import l2, why_no_l2
from ..nets.walk import names
from ..runner.training import inner_model
from .groups import param_groups

Wrapper = Union[OptimWrapper, OptimWrapperDict]


@HOOKS.register_module()
class RepVGGL2Hook(Hook):
    """Hook that adds RepVGG's custom L2 to the losses, as ``loss_l2``.

    It is ``weight_decay / 2 * sum of l2(block)``, which the official
    repository of RepVGG (Ding et al., CVPR 2021) offers for RepVGG blocks. It
    replaces the optimizer's decay of their kxk and 1x1 kernels, which must
    have a ``weight_decay`` of 0 there. See :func:`mmrep.layers.repvgg_l2.l2`
    for the formula of a block. The hook changes nothing in validation and
    tests.

    Args:
        weight_decay: Decay of the kernels. Defaults to the optimizer's.

    Raises:
        UserError: ``weight_decay`` is no number above 0, or the model has no
            RepVGG block, a block without that formula, or a block whose
            kernels decay in the optimizer, too.

    Examples:
        >>> from mmengine.registry import HOOKS
        >>> import mmrep
        >>> custom_hooks = [dict(type='RepVGGL2Hook', weight_decay=1e-4)]
        >>> HOOKS.build(custom_hooks[0]).weight_decay
        0.0001
    """

    def __init__(self, weight_decay: Optional[float] = None) -> None:
        if weight_decay is not None and (not is_number(weight_decay)
                                         or weight_decay <= 0):
            raise UserError(f'`weight_decay` (={shown(weight_decay)}) of '
                            'RepVGGL2Hook must be a finite number above 0, '
                            "or None for the optimizer's")
        self.weight_decay = weight_decay
        self.handle = None

    def before_train(self, runner: Runner) -> None:
        model = inner_model(runner)
        blocks = blocks_of(model)
        check_decays_once(model, blocks, runner.optim_wrapper)
        self.blocks = list(blocks.values())
        self.factor = self._decay(runner.optim_wrapper) / 2
        self._remove()
        self.handle = model.register_forward_hook(self._add, with_kwargs=True)

    def _decay(self, optim_wrapper: Wrapper) -> float:
        if self.weight_decay is not None:
            return self.weight_decay
        optimizer = getattr(optim_wrapper, 'optimizer', None)
        decay = getattr(optimizer, 'defaults', {}).get('weight_decay')
        if not decay:
            raise UserError('RepVGGL2Hook needs a `weight_decay`: that of the '
                            f'optimizer is {shown(decay)}')
        return decay

    def _add(self, model: nn.Module, args: tuple, kwargs: dict,
             losses: Any) -> Optional[dict]:
        """Return the losses of a training step with ``loss_l2`` added.

        Returns:
            The losses. None, which changes nothing, outside of training.
        """
        if not model.training or kwargs.get('mode') != 'loss' or not (
                isinstance(losses, dict)):
            return None
        self.added = True
        penalty = self.factor * sum(map(l2, self.blocks))
        return {**losses, 'loss_l2': penalty}

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: Any = None) -> None:
        self.added = False

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Any = None,
                         outputs: Any = None) -> None:
        if not self.added:
            raise UserError(
                'RepVGGL2Hook adds to the dict of losses that a forward with '
                f"`mode='loss'` returns: {type(inner_model(runner)).__name__} "
                'trains without one, leave the hook out')

    def after_train(self, runner: Runner) -> None:
        self._remove()

    def _remove(self) -> None:
        if self.handle is not None:
            self.handle.remove()
        self.handle = None


def blocks_of(model: nn.Module) -> Dict[str, RepVGGConv2d]:
    """Return the RepVGG blocks of a model that train, by their names.

    A block that stands for a 1x1 convolution has no branch, and keeps the
    usual decay.

    Raises:
        UserError: There is no such block, or a block has no formula.
    """
    blocks = {
        paths[0]: layer
        for layer, paths in names(model).items()
        if isinstance(layer, RepVGGConv2d) and layer.trains
        and layer.kernel_size != (1, 1)
    }
    if not blocks:
        raise UserError('RepVGGL2Hook finds no RepVGGConv2d that trains in '
                        f'this {type(model).__name__}: leave the hook out')
    for name, layer in blocks.items():
        reason = why_no_l2(layer)
        if reason:
            raise UserError(
                f'RepVGGL2Hook has no formula for {name!r}, a '
                f'{type(layer).__name__}, which {reason}: leave the hook out')
    return blocks


def check_decays_once(model: nn.Module, blocks: Dict[str, RepVGGConv2d],
                      optim_wrapper: Wrapper) -> None:
    """Refuse kernels that decay in the optimizer as well.

    Args:
        model: The model that has the blocks.
        blocks: The blocks, by their names.
        optim_wrapper: The wrapper of the
            model's optimizers.

    Raises:
        UserError: A kernel decays in the optimizer, too.
    """
    kernels = list(_kernels(blocks))
    decay = {
        id(parameter): group.get('weight_decay', 0)
        for group in param_groups(optim_wrapper)
        for parameter in group['params']
    }
    parameters = dict(model.named_parameters(remove_duplicate=False))
    twice = [n for n in kernels if decay.get(id(parameters[n]))]
    if twice:
        keys = _keys(kernels, [n for n in parameters if n not in kernels])
        pairs = ', '.join(f'{key!r}: dict(decay_mult=0.)' for key in keys)
        raise UserError(
            f'{len(twice)} kernels, e.g. {twice[0]!r}, decay in the optimizer '
            f'(={decay[id(parameters[twice[0]])]}) and by RepVGGL2Hook: add '
            f'custom_keys={{{pairs}}} to `optim_wrapper.paramwise_cfg`')


def _kernels(blocks: Dict[str, RepVGGConv2d]) -> Iterator[str]:
    for name in blocks:
        start = f'{name}.' if name else ''
        yield f'{start}weight'
        yield f'{start}branches.1x1.weight'


def _keys(kernels: List[str], others: List[str]) -> List[str]:
    """Return parts of names that only the kernels have, for all of them."""
    keys = []
    for name in kernels:
        parts = name.split('.')
        ends = ('.'.join(parts[-i:]) for i in range(2, len(parts)))
        keys.append(
            next((end for end in ends if not any(end in other
                                                 for other in others)), name))
    return list(dict.fromkeys(keys))
