"""Run copies of a net and watch where its biases go."""
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
    """A run that finished.

    Attributes:
        watch: The watch of the run.
        where: The index in :func:`ways` of the function that ran the model,
            or the name of the part that ran.
        arguments: The arguments of the run.
        results: The tensors in its result.
    """

    watch: Watch
    where: Union[int, str]
    arguments: tuple
    results: List[Tensor]


class Probe:
    """A copy of a net in eval mode, whose runs leave the net as it is.

    Args:
        net: The net. The copy shares its parameters and nothing else.
        biases: The biases to watch.
        means: The running means to watch.
    """

    def __init__(self, net: nn.Module, biases: List[Tensor],
                 means: List[Tensor]) -> None:
        memo = {id(parameter): parameter for parameter in net.parameters()}
        self.model = inner(copy.deepcopy(net, memo))
        self.model.eval()  # nets of some hosts return None
        for module in eager_modules(self.model):
            # mmcv's ConvModule then computes the norm into the weight
            if hasattr(module, 'efficient_conv_bn_eval_forward'):
                module.efficient_conv_bn_eval_forward = None
            if is_frozen_norm(module) and is_affine(module):
                module.forward = partial(affine_forward, module)
        self.biases = biases
        self.means = [memo[id(mean)] for mean in means]

    def runs(self, example: Any = None) -> List[Run]:
        """Run the whole model, in all ways that work.

        After a guess it runs once more on a batch of two images in another
        size, if it takes these, since a forward may depend on shapes.

        Args:
            example: The arguments of the model's forward. Defaults to None, a
                guess.

        Returns:
            The runs; an empty list if no guess works.

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
        """Run the model in one of its ways, or run a part of it.

        Args:
            where: The index of the way, or the name of the part.
            arguments: The arguments to run on.

        Returns:
            The run, None if it fails.
        """
        try:
            return self._run(where, arguments)
        except Exception:  # a model may raise anything at a wrong guess
            return None

    def _run_example(self, arguments: tuple) -> Run:
        try:
            return self._run(0, arguments)
        except Exception as error:  # a model may raise anything
            raise UserError(
                f'this {type(self.model).__name__} does not run on `example`, '
                'which must be the arguments that its forward takes: '
                f'{type(error).__name__}: {one_line(error)}') from error

    def _run(self, where: Union[int, str], arguments: tuple) -> Run:
        function = self.model.get_submodule(where) if isinstance(
            where, str) else ways(self.model)[where]
        torch.manual_seed(0)  # equal numbers in the runs that are compared
        watch = Watch(self.biases, self.means)
        with watch:
            results = function(*fresh(arguments))
        watch.close()
        return Run(watch, where, arguments,
                   [t.clone() for t in tensors_in(results)])


def running_means(net: nn.Module) -> List[Tensor]:
    """Return the running means of all norms, each once."""
    found = (
        buffers_of(module).get('running_mean')
        for module in eager_modules(net))
    return list({id(mean): mean
                 for mean in found if mean is not None}.values())
