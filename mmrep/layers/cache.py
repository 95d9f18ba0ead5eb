"""Keep what is computed from tensors until one of them changes."""
from typing import Any, Callable, Sequence

import torch
from torch import Tensor


class Cache:
    """One value and the state of the tensors that it was computed from.

    Seen are writes that autograd counts (optimizer steps, loading, in-place
    functions), new data, dtypes and devices. Writes through ``tensor.data``
    are not: :meth:`clear` then. Copies and pickles start empty.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._stamp = self._value = self._aliases = None

    def get(self, tensors: Sequence[Tensor], compute: Callable[[],
                                                               Any]) -> Any:
        """The value, computed without gradients if it is not there."""
        if any(tensor.is_inference() for tensor in tensors):
            return compute()  # these count no writes
        stamp = [(t.data_ptr(), t._version, t.dtype) for t in tensors]
        if self._stamp != stamp:
            with torch.inference_mode(False), torch.no_grad():
                self._value = compute()
            self._stamp = stamp
            # while the aliases live, no other data can get their addresses
            self._aliases = [tensor.detach() for tensor in tensors]
        return self._value

    def __reduce__(self) -> tuple:
        return type(self), ()
