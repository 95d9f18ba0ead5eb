"""Run copies of a net, and watch where its biases go."""
import copy
from functools import partial
from typing import Any, List, NamedTuple, Optional, Union

import torch
from torch import Tensor, nn

from ..compat.batch_norms import is_frozen_norm
from ..compat.modules import buffers_of
from ..errors import UserError, one_line
from ..layers.frozen_norms import affine_forward, is_affine
from ..nets.following import eager_modules
from .examples import (arguments_of, fresh, inner, other_images, random_images,
                       tensors_in, ways)
from .watching import Watch


class Run(NamedTuple):
    """One that came to its end.

    Attributes:
        watch: What was seen.
        where: Number of the way that the model was run, or the name of the
            part that was.
        arguments: What it took.
        results: The tensors that came out.
    """

    watch: Watch
    where: Union[int, str]
    arguments: tuple
    results: List[Tensor]


class Probe:
    """A copy of a net in eval mode, which may be run without a trace.

    Args:
        net: Its parameters are shared, all else is copied.
        biases: Those to watch.
        means: The running means to watch.
    """

    def __init__(self, net: nn.Module, biases: List[Tensor],
                 means: List[Tensor]) -> None:
        memo = {id(parameter): parameter for parameter in net.parameters()}
        self.model = inner(copy.deepcopy(net, memo))
        self.model.eval()  # of some hosts' nets it returns None
        for module in eager_modules(self.model):
            # mmcv's ConvModule then computes the norm into the weight
            if hasattr(module, 'efficient_conv_bn_eval_forward'):
                module.efficient_conv_bn_eval_forward = None
            if is_frozen_norm(module) and is_affine(module):
                module.forward = partial(affine_forward, module)
        self.biases = biases
        self.means = [memo[id(mean)] for mean in means]

    def runs(self, example: Any = None) -> List[Run]:
        """Run the whole model, in all ways that come to their end.

        On a guess it is run once more with a batch of two in another size, as
        far as it runs there: a forward may look at shapes.

        Args:
            example: What its forward takes. Defaults to None, a guess.

        Returns:
            The runs; none where no guess is right.

        Raises:
            UserError: The model does not run on ``example``.
        """
        if example is not None:
            return [self._run_example(arguments_of(example))]
        for arguments in random_images(self.model):
            runs = self._all_ways(arguments)
            if runs:
                others = map(self._all_ways, other_images(*arguments))
                return runs + next(filter(None, others), [])
        return []

    def _all_ways(self, arguments: tuple) -> List[Run]:
        tried = [
            self.try_run(way, arguments)
            for way in range(len(ways(self.model)))
        ]
        return [run for run in tried if run is not None]

    def try_run(self, where: Union[int, str],
                arguments: tuple) -> Optional[Run]:
        """Run the model in one of its ways, or a part; None if it fails."""
        try:
            return self._run(where, arguments)
        except Exception:  # whatever a model raises at what it cannot take
            return None

    def _run_example(self, arguments: tuple) -> Run:
        try:
            return self._run(0, arguments)
        except Exception as error:  # whatever a model raises
            raise UserError(
                f'this {type(self.model).__name__} does not run on `example`, '
                'which must be the arguments that its forward takes: '
                f'{type(error).__name__}: {one_line(error)}') from error

    def _run(self, where: Union[int, str], arguments: tuple) -> Run:
        function = self.model.get_submodule(where) if isinstance(
            where, str) else ways(self.model)[where]
        torch.manual_seed(0)  # runs with and without biases are compared
        watch = Watch(self.biases, self.means)
        with watch:
            results = function(*fresh(arguments))
        watch.close()
        return Run(watch, where, arguments,
                   [t.clone() for t in tensors_in(results)])


def running_means(net: nn.Module) -> List[Tensor]:
    """Those of all norms, each once."""
    found = (
        buffers_of(module).get('running_mean')
        for module in eager_modules(net))
    return list({id(mean): mean
                 for mean in found if mean is not None}.values())
