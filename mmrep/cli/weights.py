"""Flags that choose the weights of a checkpoint."""
import argparse

from .options import add_trust_argument


def add_checkpoint_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--ema``, ``--no-ema`` and ``--trust-checkpoint``.

    Args:
        parser: The parser of a tool, whose own arguments may come before or
            after these.
    """
    parser.add_argument(
        '--ema',
        action=argparse.BooleanOptionalAction,
        help='take the averaged weights of a file written with EMAHook, or '
        'the raw ones; default: the weights under `state_dict`, which are '
        'the averaged ones')
    add_trust_argument(parser, 'the checkpoint')
