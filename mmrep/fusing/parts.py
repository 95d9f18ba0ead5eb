"""Parts of a net, and norms, that its runs do not reach."""
from itertools import islice
from typing import Dict, Iterator, List, Set

from torch import Tensor, nn

from ..compat.modules import buffers_of, parameters_of
from ..nets.following import Place, eager_modules, places
from .examples import random_images
from .probe import Probe, Run
from .watching import absorbing

# other modules may use the items of these by index, in any order
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)

Places = Dict[nn.Module, List[Place]]


def part_runs(probe: Probe, runs: List[Run]) -> List[Run]:
    """Run the parts around the convolutions that no run has reached.

    An example is the mask head of a detector. Convolution and norms must have
    one place each, since a run of the part shows no other place.

    Args:
        probe: The probe of the whole model.
        runs: The runs so far.

    Returns:
        ``runs`` and the runs of parts that show where a bias can go.
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
    """Return the first run of a part that works on random images, if any."""
    images = islice(random_images(part), 3)
    tried = (probe.try_run(name, arguments) for arguments in images)
    return [run for run in tried if run is not None][:1]


def _holder(found: Places, bias: Tensor) -> nn.Module:
    return next(m for m in found if parameters_of(m).get('bias') is bias)


def _parts(found: Places, bias: Tensor) -> Iterator[nn.Module]:
    """Yield the modules around a convolution, inner first, without the root.

    Containers are left out. A module with several places ends this.
    """
    module = _holder(found, bias)
    while len(found[module]) == 1:
        (module, _), = found[module]
        if not found[module]:
            return
        if not isinstance(module, CONTAINERS):
            yield module


def _alone(probe: Probe, taken: Set[int], part: nn.Module,
           found: Places) -> bool:
    """Return True if the norms of some means stand in this part only."""
    inside = set(part.modules())
    for mean in (probe.means[number] for number in taken):
        norms = [m for m in found if buffers_of(m).get('running_mean') is mean]
        if sum(len(found[norm])
               for norm in norms) != 1 or not (inside.issuperset(norms)):
            return False
    return True


def beside_idle_norms(probe: Probe, runs: List[Run]) -> Set[int]:
    """Return the biases that an idle norm near by might take in another call.

    An example is one of several norms, each for images of one domain. Such a
    norm stands under a module that registers the convolution, has as many
    features and took nothing in any run.

    Args:
        probe: The probe of the whole model.
        runs: All runs of the model and of its parts.

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
