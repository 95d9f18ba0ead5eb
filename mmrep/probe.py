"""Run copies of a net, and watch where its biases go."""
import copy
from itertools import islice
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn

from .errors import UserError, one_line
from .examples import arguments_of, fresh, inner, random_images, ways
from .following import places
from .walk import tensors
from .watching import Watch, absorbing


class Run(NamedTuple):
    """One that came to its end.

    Attributes:
        watch: What was seen.
        way: Number of the way that the model was run.
        results: The tensors that came out.
    """

    watch: Watch
    way: int
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
        for module in self.model.modules():
            # mmcv's ConvModule then computes the norm into the weight
            if hasattr(module, 'efficient_conv_bn_eval_forward'):
                module.efficient_conv_bn_eval_forward = None
        self.biases = biases
        self.means = [memo[id(mean)] for mean in means]

    def runs(self, example: Any = None) -> Tuple[tuple, List[Run]]:
        """Run the whole model, in all ways that come to their end.

        Args:
            example: What its forward takes. Defaults to None, a guess.

        Returns:
            The arguments and the runs; none where no guess is right.

        Raises:
            UserError: The model does not run on ``example``.
        """
        if example is not None:
            arguments = arguments_of(example)
            return arguments, [self._run_example(arguments)]
        for arguments in random_images(self.model):
            tried = [
                self.try_run(way, arguments)
                for way in range(len(ways(self.model)))
            ]
            runs = [run for run in tried if run is not None]
            if runs:
                return arguments, runs
        return (), []

    def try_run(self, way: int, arguments: tuple) -> Optional[Run]:
        """Run the whole model in one of its ways; None where it fails."""
        try:
            return self._run(ways(self.model)[way], arguments, way)
        except Exception:  # whatever a model raises at what it cannot take
            return None

    def try_part(self, part: nn.Module) -> Optional[Watch]:
        """Run a module of the model on random images of a few sizes."""
        for arguments in islice(random_images(part), 3):
            try:
                return self._run(part, arguments).watch
            except Exception:  # as above
                pass
        return None

    def _run_example(self, arguments: tuple) -> Run:
        try:
            return self._run(self.model, arguments)
        except Exception as error:  # whatever a model raises
            raise UserError(
                f'this {type(self.model).__name__} does not run on `example`, '
                'which must be the arguments that its forward takes: '
                f'{type(error).__name__}: {one_line(error)}') from error

    def _run(self,
             function: Callable[..., Any],
             arguments: tuple,
             way: int = 0) -> Run:
        torch.manual_seed(0)  # runs with and without biases are compared
        watch = Watch(self.biases, self.means)
        with watch:
            results = function(*fresh(arguments))
        watch.close()
        return Run(watch, way, [t.clone() for t in tensors(results)])


def running_means(net: nn.Module) -> List[Tensor]:
    """Those of all norms, each once."""
    found = (module._buffers.get('running_mean') for module in net.modules())
    return list({id(mean): mean
                 for mean in found if mean is not None}.values())


def part_watches(probe: Probe, watches: List[Watch]) -> List[Watch]:
    """Run the parts around those convolutions that no run has reached.

    Such as the mask head of a detector. Convolution and norms must have one
    place each: of what happens elsewhere a part knows nothing.

    Args:
        probe: With the whole model.
        watches: Of the runs so far.

    Returns:
        ``watches`` and those of the parts that tell where a bias can go.
    """
    found = places(probe.model)
    watches = list(watches)
    for number, bias in enumerate(probe.biases):
        if any(number in watch.reached() for watch in watches):
            continue
        for part in _parts(found, bias):
            watch = probe.try_part(part)
            taken = absorbing([*watches, watch] if watch else []).get(number)
            if taken and _alone(probe, taken, part, found):
                watches.append(watch)
                break
    return watches


def _parts(found: dict, bias: Tensor) -> Iterator[nn.Module]:
    """The modules around a convolution from the inside, without the root."""
    module = next(m for m in found if m._parameters.get('bias') is bias)
    while len(found[module]) == 1:
        (module, _), = found[module]
        if not found[module]:
            return
        yield module


def _alone(probe: Probe, taken: set, part: nn.Module, found: dict) -> bool:
    """Whether the norms of some means stand in this part and nowhere else."""
    inside = set(part.modules())
    for mean in (probe.means[number] for number in taken):
        norms = [m for m in found if m._buffers.get('running_mean') is mean]
        if sum(len(found[norm])
               for norm in norms) != 1 or not (inside.issuperset(norms)):
            return False
    return True
