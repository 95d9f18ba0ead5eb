"""The weights of a checkpoint, by the names of the model itself."""
from typing import Mapping, NamedTuple, Optional

from ..errors import UserError
from ..prefixes import DDP, under, without_compiler, without_wrappers
from .renaming import StateDict
from .safe_load import read_checkpoint
from .wrappers import AVERAGED, unwrap


class Weights(NamedTuple):
    """The part of a checkpoint that a net needs to run.

    Attributes:
        state_dict: The weights, by names without the prefixes of wrappers.
        meta: The Runner's notes on the run that wrote the weights.
    """

    state_dict: StateDict
    meta: dict


def read_weights(path: str,
                 ema: Optional[bool] = None,
                 trusted: bool = False) -> Weights:
    """Read the weights of a checkpoint onto the CPU.

    Args:
        path: See :func:`read_checkpoint`.
        ema: See :func:`choose_weights`. Defaults to None.
        trusted: True if pickled objects may run their code. Defaults to
            False.

    Raises:
        UserError: The file is missing, is no checkpoint or a damaged one,
            holds objects and is not ``trusted``, or lacks the weights that
            ``ema`` asks for.
    """
    checkpoint = read_checkpoint(path, trusted)
    return Weights(
        choose_weights(checkpoint, ema), dict(checkpoint.get('meta') or {}))


def choose_weights(checkpoint: Mapping, ema: Optional[bool]) -> StateDict:
    """Choose between the averaged weights of a checkpoint and the raw ones.

    EMAHook saves the averaged ones as ``state_dict``, the raw ones as
    ``ema_state_dict``.

    Args:
        checkpoint: The checkpoint, as ``read_checkpoint`` returns it.
        ema: True for the averaged weights, False for the raw ones, None for
            those under ``state_dict``.

    Returns:
        The weights, by names without the prefixes of wrappers.

    Raises:
        UserError: The checkpoint holds no averaged weights.
    """
    if ema is not None and checkpoint.get('ema_state_dict') is None:
        return without_wrappers(_of_others(checkpoint, ema))
    if ema is not False:
        return without_wrappers(checkpoint['state_dict'])
    return without_compiler(under(checkpoint['ema_state_dict'], DDP))


def _of_others(checkpoint: Mapping, ema: bool) -> StateDict:
    """Choose the weights of a file that was not written with EMAHook.

    Raises:
        UserError: There are no averaged weights.
    """
    if not any(checkpoint.get(key) for key in AVERAGED):
        raise UserError('the checkpoint holds no EMA weights: leave out '
                        f"--{'ema' if ema else 'no-ema'}")
    return unwrap(checkpoint, ema)
