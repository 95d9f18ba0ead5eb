"""A tool hides the known warnings and no others."""
import sys
import warnings

import pytest

from mmrep.cli import report_errors

OLD = 'pkg_resources is deprecated as an API. See https://...'
LOSS = '``build_loss`` would be deprecated soon, please use ...'
AVERAGE = 'Default ``avg_non_ignore`` is False, if you would like to ...'


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Set the filters that Python starts with, without its options."""
    monkeypatch.setattr(sys, 'warnoptions', [])
    with warnings.catch_warnings():
        warnings.resetwarnings()
        yield


@report_errors
def told(message, module, category=UserWarning):
    """Return True if a warning reaches the user of a tool."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.warn_explicit(message, category, 'file.py', 1, module)
    return [str(warning.message) for warning in caught] == [message]


@pytest.mark.parametrize('message, module', [
    (OLD, 'mmengine.utils.package_utils'),
    (OLD, 'importlib'),
    (LOSS, 'mmseg.models.builder'),
    (AVERAGE, 'mmseg.models.losses.cross_entropy_loss'),
])
def test_hidden(message, module):
    assert not told(message, module)


@pytest.mark.parametrize('message, module, category', [
    (OLD, 'my_package.config', UserWarning),
    (OLD, 'importlib_of_mine', UserWarning),
    (LOSS, 'my_mmseg.models.builder', UserWarning),
    (AVERAGE, 'my_losses', UserWarning),
    ('of another kind', 'mmengine.utils.package_utils', UserWarning),
    (f'my {OLD}', 'mmengine.utils.package_utils', UserWarning),
    (OLD, 'mmengine.utils.package_utils', RuntimeWarning),
])
def test_shown(message, module, category):
    assert told(message, module, category)


def test_options_of_python_go_before(monkeypatch):
    monkeypatch.setattr(sys, 'warnoptions', ['default'])
    assert told(OLD, 'importlib')
