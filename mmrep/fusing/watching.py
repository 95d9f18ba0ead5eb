"""Watch what takes the outputs of convolutions while a model runs."""
import gc
import weakref
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Set

from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from ..nets.walk import tensors

# attributes and methods of a tensor that do not depend on its values
METADATA = {
    '__hash__', '__len__', '_version', 'device', 'dim', 'dtype',
    'element_size', 'get_device', 'grad_fn', 'is_complex', 'is_contiguous',
    'is_cpu', 'is_cuda', 'is_floating_point', 'is_inference', 'is_leaf',
    'is_meta', 'is_mkldnn', 'is_nested', 'is_quantized', 'is_sparse', 'layout',
    'names', 'ndim', 'ndimension', 'nelement', 'numel', 'requires_grad',
    'shape', 'size', 'stride', 'storage_offset'
}


class Output:
    """Output of one call of a convolution, and the norms that took it.

    Args:
        tensor: The output.
        bias: The number of the convolution's bias.

    Attributes:
        means: Numbers of the running means of the norms that took the output.
        exposed: True if anything but norms saw the output.
    """

    def __init__(self, tensor: Tensor, bias: int) -> None:
        self.tensor = weakref.ref(tensor)
        self.bias = bias
        self.means: Set[int] = set()
        self.exposed = tensor.dim() != 4


class Watch(TorchFunctionMode):
    """Mode that follows biases through convolutions into batch norms.

    It sees each operation of torch, whichever module calls it.

    Args:
        biases: The biases of the convolutions to follow.
        means: The running means of all norms.
    """

    def __init__(self, biases: List[Tensor], means: List[Tensor]) -> None:
        super().__init__()
        self.biases = {id(bias): i for i, bias in enumerate(biases)}
        self.means = {id(mean): i for i, mean in enumerate(means)}
        self.outputs: List[Output] = []
        self.live: Dict[int, Output] = {}
        self.exposed: Set[int] = set()  # ids of biases and means
        # by mean: biases of the outputs it took, None for any other tensor
        self.takes: Dict[int, set] = {}

    def __torch_function__(self,
                           func: Callable,
                           types: Sequence[type],
                           args: tuple = (),
                           kwargs: Optional[dict] = None) -> Any:
        kwargs = kwargs or {}
        if _name(func) in METADATA:
            return func(*args, **kwargs)
        known = self._known(func, args, kwargs)
        for tensor in tensors([args, kwargs]):
            if not any(tensor is other for other in known):
                self._expose(tensor)
        out = func(*args, **kwargs)
        if func is F.conv2d and known:
            output = Output(out, self.biases[id(known[0])])
            self.outputs.append(output)
            self.live[id(out)] = output
        return out

    def _known(self, func: Callable, args: tuple,
               kwargs: dict) -> List[Tensor]:
        """Return the followed tensors that are in their expected places."""
        if func is F.conv2d:
            bias = _argument(args, kwargs, 2, 'bias')
            return [bias] if id(bias) in self.biases else []
        if func is F.batch_norm and not _argument(args, kwargs, 5, 'training'):
            taken, mean = (_argument(args, kwargs, 0, 'input'),
                           _argument(args, kwargs, 1, 'running_mean'))
            if id(mean) in self.means:
                self._take(taken, self.means[id(mean)])
                return [taken, mean]
        return []

    def _take(self, taken: Tensor, mean: int) -> None:
        output = self._output(taken)
        bias = None if output is None else output.bias
        self.takes.setdefault(mean, set()).add(bias)
        if output is not None:
            output.means.add(mean)

    def _output(self, tensor: Tensor) -> Optional[Output]:
        output = self.live.get(id(tensor))
        # an id may be used again once a tensor is gone
        return output if output and output.tensor() is tensor else None

    def _expose(self, tensor: Tensor) -> None:
        output = self._output(tensor)
        if output is not None:
            output.exposed = True
        elif id(tensor) in self.biases or id(tensor) in self.means:
            self.exposed.add(id(tensor))

    def close(self) -> None:
        """Mark the outputs that still exist after a run as exposed.

        The caller must still hold the results of the run.
        """
        if any(output.tensor() is not None for output in self.outputs):
            gc.collect()  # outputs that only a cycle holds are not exposed
        for output in self.outputs:
            output.exposed |= output.tensor() is not None
        self.live.clear()

    def reached(self) -> Set[int]:
        """Return the numbers of the biases whose convolutions ran."""
        return {output.bias for output in self.outputs}

    def used(self) -> Set[int]:
        """Return the numbers of the running means that were used."""
        looked = {self.means[key] for key in self.exposed & set(self.means)}
        return looked.union(self.takes)


def absorbing(watches: Iterable[Watch]) -> Dict[int, Set[int]]:
    """Return the running means that can take each bias, in all runs.

    Batch norms can take a bias if in every call of its convolution nothing
    but batch norms takes the output, and these take no other tensors.

    Args:
        watches: The watches of runs that finished.

    Returns:
        Numbers of running means, by the number of the bias.
    """
    watches = list(watches)
    means: Dict[int, Set[int]] = {}
    takes: Dict[int, set] = {}
    bad_biases, bad_means = set(), set()
    for watch in watches:
        for output in watch.outputs:
            means.setdefault(output.bias, set()).update(output.means)
            if output.exposed or not output.means:
                bad_biases.add(output.bias)
        for mean, biases in watch.takes.items():
            takes.setdefault(mean, set()).update(biases)
        bad_biases |= {watch.biases.get(key) for key in watch.exposed}
        bad_means |= {watch.means.get(key) for key in watch.exposed}
    return {
        bias: found
        for bias, found in means.items()
        if bias not in bad_biases and not found & bad_means and all(
            takes[mean] == {bias} for mean in found)
    }


def _name(func: Callable) -> str:
    name = getattr(func, '__name__', '')
    # the function of a property is the getter of its descriptor
    return getattr(func.__self__, '__name__',
                   '') if name == '__get__' else name


def _argument(args: tuple, kwargs: dict, place: int, name: str) -> Any:
    return args[place] if len(args) > place else kwargs.get(name)
