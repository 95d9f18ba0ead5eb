"""Logs are quiet inside a block and as before behind it."""
import logging

import pytest
from mmengine.logging import MMLogger, print_log

from mmrep.compat.quiet import muted, quiet


@pytest.fixture
def logger(capsys):
    """Make a new logger, which has seen no level and writes to stderr."""
    before = dict(MMLogger._instance_dict)
    yield MMLogger.get_instance('quiet', log_level='INFO')
    MMLogger._instance_dict.clear()
    MMLogger._instance_dict.update(before)


def logged(capsys):
    out = capsys.readouterr()
    return out.out + out.err


@pytest.mark.parametrize('first', [True, False])
def test_quiet(logger, capsys, first):
    """A level is quiet whether or not the logger was asked for it before."""
    if first:
        print_log('before', 'current')
    with quiet():
        print_log('inside', 'current')
        print_log('trouble', 'current', logging.WARNING)
    print_log('after', 'current')
    text = logged(capsys)
    assert ('before' in text) == first
    assert 'inside' not in text
    assert 'trouble' in text and 'after' in text


def test_level_and_error(logger, capsys):
    with pytest.raises(KeyError), quiet('ERROR'):
        print_log('trouble', 'current', logging.WARNING)
        raise KeyError
    print_log('after', 'current')
    text = logged(capsys)
    assert 'trouble' not in text and 'after' in text


def test_all_libraries_are_muted():
    logger = logging.getLogger('of.another.library')
    with muted():
        assert not logger.isEnabledFor(logging.WARNING)
        assert logger.isEnabledFor(logging.ERROR)
        with muted(logging.ERROR):
            assert not logger.isEnabledFor(logging.ERROR)
        assert logger.isEnabledFor(logging.ERROR), (
            'Manager.disable means something else: mmrep/compat/quiet.py needs'
            ' another way to restore what was muted')
    assert logger.isEnabledFor(logging.WARNING)
