"""Checks for NaN and infinity, which say nothing of where to grow."""
from typing import Iterable, Optional, Sequence

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from ..errors import UserError


class NotFinite(UserError):
    """Error of an event whose weights, features or scores are not finite.

    Args:
        what: The values that are not finite, in the plural.
    """

    def __init__(self, what: str) -> None:
        super().__init__(f'{what} are not finite (NaN or infinite)')


def check_finite(what: str,
                 tensors: Sequence[Tensor],
                 names: Sequence[str] = ()) -> None:
    """Refuse tensors that are not finite, in all processes alike.

    Args:
        what: The meaning of the tensors for the message, in the plural.
        tensors: The tensors to check.
        names: Names of the tensors. Defaults to none.

    Raises:
        NotFinite: A tensor is not finite, here or in another process.
    """
    bad = _first_bad(tensors)
    found = torch.tensor(float(bad is not None))
    all_reduce(found, 'max')
    if found:
        named = names and bad is not None
        raise NotFinite(f'{what}, such as {names[bad]!r},' if named else what)


def check_weights(models: Iterable[nn.Module]) -> None:
    """Refuse weights and statistics that are not finite.

    Args:
        models: The model that trains, then its averages.

    Raises:
        NotFinite: A parameter or buffer is not finite.
    """
    for i, model in enumerate(models):
        state = {
            **dict(model.named_parameters()),
            **dict(model.named_buffers())
        }
        check_finite(
            f"weights or statistics of {'an average of ' * (i > 0)}"
            'the network', list(state.values()), list(state))


def _first_bad(tensors: Sequence[Tensor]) -> Optional[int]:
    """Return the index of the first tensor that is not finite.

    This waits for a GPU only once.
    """
    flags = [torch.isfinite(tensor.detach()).all() for tensor in tensors]
    if not flags:
        return None
    together = torch.stack([flag.to(flags[0].device) for flag in flags])
    return next((i for i, f in enumerate(together.tolist()) if not f), None)
