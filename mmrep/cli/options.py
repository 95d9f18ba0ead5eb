"""The flags that several tools have."""
from mmengine.config import DictAction

from .errors import one_line

BRACKETS = {'(': ')', '[': ']'}


class _Options(DictAction):
    """mmengine's ``key=value`` parser that tells what is no such thing."""

    def __call__(self, parser, namespace, values, option_string=None):
        for value in values:
            key, equals, text = value.partition('=')
            if not equals or not all(key.split('.')):
                parser.error(f'{option_string} takes key=value, got {value!r}')
            if text[:1] in BRACKETS and not _balanced(text):
                parser.error(f'{option_string} takes brackets in pairs, got '
                             f'{value!r}')
        try:
            super().__call__(parser, namespace, values, option_string)
        except Exception as error:  # what its parser of lists stumbles over
            parser.error(f'{option_string} cannot be read: {one_line(error)}')


def _balanced(text):
    """Whether each bracket is closed by one of its kind."""
    open_ = []
    for char in text:
        if char in BRACKETS:
            open_.append(BRACKETS[char])
        elif char in BRACKETS.values() and (not open_ or open_.pop() != char):
            return False
    return not open_


def add_trust_argument(parser, of):
    """Add ``--trust-checkpoint``.

    Args:
        parser (ArgumentParser): Of a tool.
        of (str): What the tool reads, for the help.
    """
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help=f'read pickled objects of {of}, which can run code')


def add_common_arguments(parser):
    """Add the flags that all hosts' tools take.

    Args:
        parser (ArgumentParser): Its own arguments may come before or after.
    """
    parser.add_argument(
        '--work-dir', help='for logs; default work_dirs/<name of the config>')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_Options,
        help='overrides of the config as key=value; lists as key="[a,b]" or '
        'key=a,b without white space')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how several processes were started; default none')
    add_trust_argument(parser, 'checkpoints')
    # torch.distributed.launch passes it with a dash or an underscore
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
