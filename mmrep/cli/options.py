"""Flags that several tools have."""
from argparse import ArgumentParser, Namespace
from typing import List, Optional

from mmengine.config import DictAction

from .errors import one_line

BRACKETS = {'(': ')', '[': ']'}


class _Options(DictAction):
    """mmengine's parser of ``key=value`` with sentences for mistakes."""

    def __call__(self,
                 parser: ArgumentParser,
                 namespace: Namespace,
                 values: List[str],
                 option_string: Optional[str] = None) -> None:
        for value in values:
            key, equals, text = value.partition('=')
            if not equals or not all(key.split('.')):
                parser.error(f'{option_string} takes key=value, got {value!r}')
            if text[:1] in BRACKETS and not _balanced(text):
                parser.error(f'{option_string} takes brackets in pairs, got '
                             f'{value!r}')
        try:
            super().__call__(parser, namespace, values, option_string)
        except Exception as error:  # whatever its parser of lists raises
            parser.error(f'{option_string} cannot be read: {one_line(error)}')


def _balanced(text: str) -> bool:
    """Return True if each bracket is closed by one of its kind."""
    open_ = []
    for char in text:
        if char in BRACKETS:
            open_.append(BRACKETS[char])
        elif char in BRACKETS.values() and (not open_ or open_.pop() != char):
            return False
    return not open_


def add_trust_argument(parser: ArgumentParser, of: str) -> None:
    """Add ``--trust-checkpoint``.

    Args:
        parser: The parser of a tool.
        of: The file that the tool reads, for the help text.
    """
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help=f'also load pickled objects of {of}, which can run code')


def add_override_argument(parser: ArgumentParser) -> None:
    """Add ``--cfg-options``.

    Args:
        parser: The parser of a tool.
    """
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_Options,
        help='values that replace those of the config, as key=value; lists as '
        'key="[a,b]" or key=a,b without white space')


def add_common_arguments(parser: ArgumentParser) -> None:
    """Add the flags that the training and test tools of all hosts have.

    Args:
        parser: The parser of a tool, whose own arguments may come before or
            after these.
    """
    parser.add_argument(
        '--work-dir',
        help='folder of logs and checkpoints; default: the `work_dir` of the '
        'config, else work_dirs/<name of the config>')
    add_override_argument(parser)
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='launcher that started the processes; default: none')
    add_trust_argument(parser, 'checkpoints')
    # torch.distributed.launch passes it with a dash or an underscore
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
