"""Parts of a net, and norms in them, that its runs do not reach."""
from itertools import islice
from typing import Dict, Iterator, List, Set

from torch import Tensor, nn

from ..compat.modules import buffers_of, parameters_of
from ..nets.following import Place, eager_modules, places
from .examples import random_images
from .probe import Probe, Run
from .watching import absorbing

# whoever holds one may use what is inside by index, in any order
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)

Places = Dict[nn.Module, List[Place]]


def part_runs(probe: Probe, runs: List[Run]) -> List[Run]:
    """Run the parts around those convolutions that no run has reached.

    Such as the mask head of a detector. Convolution and norms must have one
    place each: of what happens elsewhere a part knows nothing.

    Args:
        probe: With the whole model.
        runs: Those so far.

    Returns:
        ``runs`` and those of the parts that tell where a bias can go.
    """
    found = places(probe.model)
    paths = {module: name for name, module in probe.model.named_modules()}
    runs = list(runs)
    for number, bias in enumerate(probe.biases):
        if any(number in run.watch.reached() for run in runs):
            continue
        for part in _parts(found, bias):
            tried = _try_part(probe, part, paths[part])
            watches = [run.watch for run in [*runs, *tried]]
            taken = absorbing(watches).get(number)
            if taken and _alone(probe, taken, part, found):
                runs += tried
                break
    return runs


def _try_part(probe: Probe, part: nn.Module, name: str) -> List[Run]:
    """The first run of a part on random images of a few sizes."""
    images = islice(random_images(part), 3)
    tried = (probe.try_run(name, arguments) for arguments in images)
    return [run for run in tried if run is not None][:1]


def _holder(found: Places, bias: Tensor) -> nn.Module:
    return next(m for m in found if parameters_of(m).get('bias') is bias)


def _parts(found: Places, bias: Tensor) -> Iterator[nn.Module]:
    """The modules around a convolution from the inside, without the root."""
    module = _holder(found, bias)
    while len(found[module]) == 1:
        (module, _), = found[module]
        if not found[module]:
            return
        if not isinstance(module, CONTAINERS):
            yield module


def _alone(probe: Probe, taken: Set[int], part: nn.Module,
           found: Places) -> bool:
    """Whether the norms of some means stand in this part and nowhere else."""
    inside = set(part.modules())
    for mean in (probe.means[number] for number in taken):
        norms = [m for m in found if buffers_of(m).get('running_mean') is mean]
        if sum(len(found[norm])
               for norm in norms) != 1 or not (inside.issuperset(norms)):
            return False
    return True


def beside_idle_norms(probe: Probe, runs: List[Run]) -> Set[int]:
    """The biases with a norm near by that might take them in another call.

    Such as one of several norms, each for images of one domain: it stands
    beneath a module that registers the convolution, has as many features and
    took nothing in any run.

    Args:
        probe: With the whole model.
        runs: All there are.

    Returns:
        Numbers of biases.
    """
    used = set().union(*(run.watch.used() for run in runs))
    idle = [m for i, m in enumerate(probe.means) if i not in used]
    if not idle:
        return set()
    found = places(probe.model)
    return {
        number
        for number, bias in enumerate(probe.biases) if any(
            mean is buffers_of(norm).get('running_mean')
            for parent, _ in found[_holder(found, bias)]
            for norm in eager_modules(parent) for mean in idle
            if len(mean) == len(bias))
    }
