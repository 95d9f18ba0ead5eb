"""Tests of mmrep/cli/options.py."""
import argparse

import pytest

from mmrep.cli import add_common_arguments


def parse(*argv):
    parser = argparse.ArgumentParser()
    add_common_arguments(parser)
    return parser.parse_args(argv)


def test_arguments(capsys):
    args = parse('--cfg-options', 'a.b=1', 'c=[1,2]', '--local-rank', '3')
    assert args.cfg_options == {'a.b': 1, 'c': [1, 2]}
    assert args.local_rank == 3 and args.launcher == 'none'
    with pytest.raises(SystemExit):
        parse('--cfg-options', 'model')
    assert "takes key=value, got 'model'" in capsys.readouterr().err


@pytest.mark.parametrize('options, expected', [
    ('a=(1,2)', (1, 2)),
    ('a=[(1,2),[b,c]]', [(1, 2), ['b', 'c']]),
    ('a=b=c', 'b=c'),
    ('a=x(y', 'x(y'),
    ('a=', ''),
    ('a=None', None),
])
def test_values(options, expected):
    assert parse('--cfg-options', options).cfg_options == {'a': expected}


@pytest.mark.parametrize('option', [
    '=5', '..=5', 'a..b=5', '.a=5', 'a.=5', 'a=[1,2', 'a=[', 'a=(1',
    'a=[1,(2]', 'a=[(1,2])', 'a=1,2]', 'a=[[1]', 'a=[1](2,3)'
])
def test_what_is_no_option(option, capsys):
    """One line says so and repeats the value."""
    with pytest.raises(SystemExit) as ended:
        parse('--cfg-options', option)
    assert ended.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert 'error: --cfg-options ' in last
