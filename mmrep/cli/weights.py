"""Which of a checkpoint's weights a tool takes."""
import argparse

from ..checkpoints.wrappers import without_module
from .errors import UserError


def add_checkpoint_arguments(parser):
    """Add ``--ema``, ``--no-ema`` and ``--trust-checkpoint``."""
    parser.add_argument(
        '--ema',
        action=argparse.BooleanOptionalAction,
        help='take the averaged weights of a file written with EMAHook, or '
        'the raw ones; default: its state_dict, the averaged ones')
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='read pickled objects of the checkpoint, which can run code')


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
    other = checkpoint.get('ema_state_dict')
    if ema is not None and other is None:
        raise UserError('the checkpoint holds no EMA weights: leave out '
                        f"--{'ema' if ema else 'no-ema'}")
    if ema is not False:
        return without_module(checkpoint['state_dict'])
    return without_module({
        name: tensor
        for name, tensor in other.items() if name.startswith('module.')
    })
