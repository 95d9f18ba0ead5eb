"""Packages that are missing are named."""
import sys
from types import SimpleNamespace

import pytest

from mmrep.errors import UserError
from mmrep.export.onnx_session import need


def test_need(monkeypatch):
    need(['torch'])
    monkeypatch.setattr('mmrep.export.onnx_session.find_spec', lambda name: sys
                        if name == 'torch' else None)
    with pytest.raises(UserError) as told:
        need(['a', 'torch', 'b'])
    assert str(told.value) == 'a and b cannot be imported: pip install a b'
    with pytest.raises(UserError, match='pip install onnx onnxruntime$'):
        need()


def test_a_pytorch_that_is_too_old(monkeypatch):
    monkeypatch.setattr('mmrep.export.onnx_session.find_spec', lambda name: 1)
    monkeypatch.setattr('mmrep.export.onnx_session.torch',
                        SimpleNamespace(__version__='2.1.2'))
    need()
    with pytest.raises(UserError, match=r'PyTorch 2.3 or later \(here 2.1.2'):
        need(['openvino', 'nncf'])
