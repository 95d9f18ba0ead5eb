"""The flags that say which of a checkpoint's weights a tool takes."""
import argparse

from .options import add_trust_argument


def add_checkpoint_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--ema``, ``--no-ema`` and ``--trust-checkpoint``.

    Args:
        parser: Its own arguments may come before or after.
    """
    parser.add_argument(
        '--ema',
        action=argparse.BooleanOptionalAction,
        help='take the averaged weights of a file written with EMAHook, or '
        'the raw ones; default: its state_dict, the averaged ones')
    add_trust_argument(parser, 'the checkpoint')
