"""Packages that are imported in the block find nothing that reports."""
import importlib
import sys

import pytest

from mmrep.compat.telemetry import REPORTER, without_telemetry


@pytest.mark.parametrize('before', [None, 'there'])
def test_nothing_to_import(monkeypatch, tmp_path, before):
    """What was imported before is there again behind the block."""
    (tmp_path / f'{REPORTER}.py').write_text('')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, REPORTER, raising=False)
    if before:
        before = importlib.import_module(REPORTER)
    with without_telemetry(), pytest.raises(ImportError):
        importlib.import_module(REPORTER)
    assert sys.modules.get(REPORTER) is before
    assert importlib.import_module(REPORTER)
    del sys.modules[REPORTER]


def test_an_error_in_the_block():
    with pytest.raises(KeyError), without_telemetry():
        raise KeyError
    assert sys.modules.get(REPORTER, True) is not None
