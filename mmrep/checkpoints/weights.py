"""The weights of a checkpoint, by the names of the model itself."""
from typing import Mapping, NamedTuple, Optional

from ..errors import UserError
from ..prefixes import DDP, under, without_wrappers
from .renaming import StateDict
from .safe_load import read_checkpoint
from .wrappers import AVERAGED, unwrap


class Weights(NamedTuple):
    """The part of a checkpoint that a net needs to run.

    Attributes:
        state_dict: The weights, their names without those of wrappers.
        meta: What the Runner that wrote them has noted of its run.
    """

    state_dict: StateDict
    meta: dict


def read_weights(path: str,
                 ema: Optional[bool] = None,
                 trusted: bool = False) -> Weights:
    """Read the weights of a checkpoint onto the CPU.

    Args:
        path: As for :func:`read_checkpoint`.
        ema: As for :func:`choose_weights`. Defaults to None.
        trusted: Whether pickled objects may run their code. Defaults to
            False.

    Raises:
        UserError: There is no such file, it is no checkpoint or a damaged
            one, it holds objects and is not ``trusted``, or it has not the
            weights that ``ema`` asks for.
    """
    checkpoint = read_checkpoint(path, trusted)
    return Weights(
        choose_weights(checkpoint, ema), dict(checkpoint.get('meta') or {}))


def choose_weights(checkpoint: Mapping, ema: Optional[bool]) -> StateDict:
    """Choose between the averaged weights of a checkpoint and the raw ones.

    EMAHook saves the averaged ones as ``state_dict``, the raw ones as
    ``ema_state_dict``.

    Args:
        checkpoint: From ``read_checkpoint``.
        ema: True for the averaged weights, False for the raw ones, None for
            those under ``state_dict``.

    Returns:
        The weights, their names without those of wrappers.

    Raises:
        UserError: If there are no others.
    """
    if ema is not None and checkpoint.get('ema_state_dict') is None:
        return without_wrappers(_of_others(checkpoint, ema))
    if ema is not False:
        return without_wrappers(checkpoint['state_dict'])
    return under(checkpoint['ema_state_dict'], DDP)


def _of_others(checkpoint: Mapping, ema: bool) -> StateDict:
    """Take them from a file that was not written with EMAHook.

    Raises:
        UserError: If there are none.
    """
    if not any(checkpoint.get(key) for key in AVERAGED):
        raise UserError('the checkpoint holds no EMA weights: leave out '
                        f"--{'ema' if ema else 'no-ema'}")
    return unwrap(checkpoint, ema)
