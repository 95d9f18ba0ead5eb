"""Tests of the programs that tests run in forks."""
import sys
from textwrap import dedent

from mmengine.logging import MMLogger

from .forking import run_forked


def test_no_logger_of_the_same_second(tmp_path):
    """A fork's Runner may have the name of one that ran just before it."""
    MMLogger.get_instance('run_20261126_231009')
    script = tmp_path / 'script.py'
    script.write_text(
        dedent("""
        from mmengine.logging import MMLogger
        logger = MMLogger.get_instance('run_20261126_231009')
        logger.setLevel('INFO')
        logger.info('in the fork')
        """))
    status, text = run_forked(sys.executable, script)
    assert status == 0 and 'in the fork' in text
