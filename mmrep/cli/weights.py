"""Which of a checkpoint's weights a tool takes."""
import argparse

from ..checkpoints.wrappers import AVERAGED, unwrap, without_module
from .errors import UserError
from .options import add_trust_argument


def add_checkpoint_arguments(parser):
    """Add ``--ema``, ``--no-ema`` and ``--trust-checkpoint``."""
    parser.add_argument(
        '--ema',
        action=argparse.BooleanOptionalAction,
        help='take the averaged weights of a file written with EMAHook, or '
        'the raw ones; default: its state_dict, the averaged ones')
    add_trust_argument(parser, 'the checkpoint')


def choose_weights(checkpoint, ema):
    """EMAHook saves the averaged weights as state_dict, the raw as EMA.

    Args:
        checkpoint (dict): From ``read_checkpoint``.
        ema (bool, optional): What the flags say, None without one.

    Returns:
        dict: The weights, their names without ``module.``.

    Raises:
        UserError: If there are no others.
    """
    if ema is not None and checkpoint.get('ema_state_dict') is None:
        return without_module(_of_others(checkpoint, ema))
    if ema is not False:
        return without_module(checkpoint['state_dict'])
    return without_module({
        name: tensor
        for name, tensor in checkpoint['ema_state_dict'].items()
        if name.startswith('module.')
    })


def _of_others(checkpoint, ema):
    """Files that were not written with EMAHook have them under other names.

    Raises:
        UserError: If there are none.
    """
    if not any(checkpoint.get(key) for key in AVERAGED):
        raise UserError('the checkpoint holds no EMA weights: leave out '
                        f"--{'ema' if ema else 'no-ema'}")
    return unwrap(checkpoint, ema)
