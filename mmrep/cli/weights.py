"""The flags that say which of a checkpoint's weights a tool takes."""
import argparse


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
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='read pickled objects of the checkpoint, which can run code')
