"""A host's head is imported when it is built."""
import builtins
import sys

import pytest
from mmengine.registry import MODELS

import mmrep  # noqa: F401
from mmrep.errors import UserError

HEAD = dict(type='AuxiliaryClsHead', num_classes=3, in_channels=8)


def test_is_found_without_a_prefix():
    head = MODELS.build(HEAD)
    assert type(head).__name__ == 'AuxiliaryClsHead'
    assert head.auxiliary is None


def test_without_mmpretrain(monkeypatch):
    real = builtins.__import__

    def missing(name, *args):
        if name.startswith('mmpretrain'):
            raise ModuleNotFoundError(name, name='mmpretrain')
        return real(name, *args)

    monkeypatch.delitem(sys.modules, 'mmrep.heads.auxiliary', raising=False)
    monkeypatch.setattr(builtins, '__import__', missing)
    with pytest.raises(UserError, match='install mmpretrain'):
        mmrep.heads.auxiliary_cls_head(num_classes=3, in_channels=8)
