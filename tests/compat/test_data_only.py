"""Fails where an upgrade of Python or torch unpickles in another way."""
import io
import pickle
from collections import OrderedDict

import pytest
import torch

from mmrep.compat.data_only import data_only

GONE = 'mmrep/compat/data_only.py needs another way to '


def loaded(value, **named):
    return data_only(named).load(io.BytesIO(pickle.dumps(value, protocol=2)))


def test_data():
    value = OrderedDict(a=[1, (2., 'b')], c=torch.float32)
    assert loaded(value) == value, GONE + 'allow what torch allows'


@pytest.mark.parametrize('value', [print, pickle.Pickler, io.BytesIO(b'a')])
def test_all_else(value):
    with pytest.raises(pickle.UnpicklingError, match='Unsupported global'):
        loaded(value)
        pytest.fail(GONE + 'watch what a pickle names')


def test_what_may_be_named_and_not_called():
    class_ = OrderedDict
    module = data_only({'builtins.print': print}, uncalled=[print])
    data = pickle.dumps(print, protocol=2)
    assert module.load(io.BytesIO(data)) is print
    called = b'\x80\x02c__builtin__\nprint\n)R.'
    with pytest.raises(pickle.UnpicklingError, match='call of'):
        module.load(io.BytesIO(called))
        pytest.fail(GONE + 'watch what a pickle calls')
    assert loaded(class_) is class_
