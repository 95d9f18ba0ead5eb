"""The state dict is found in any checkpoint."""
import pickle

import pytest
import torch

from mmrep.checkpoints.safe_load import read_file
from mmrep.checkpoints.wrappers import (split_classifier, unwrap,
                                        without_prefixes)
from mmrep.errors import UserError

RAW, AVERAGED = {'a': torch.ones(1)}, {'a': torch.zeros(1)}


@pytest.mark.parametrize('checkpoint', [
    RAW,
    dict(state_dict=RAW, epoch=3),
    dict(model=RAW, dyrep=dict(dbb_graph=[('conv1', [1] * 7)])),
    dict(model=RAW, ema_model=None),
    dict(model_state_dict=RAW, model_ema=AVERAGED),
    dict(state_dict=dict(model=RAW)),
    dict(model_ema=RAW),
])
def test_unwrap(checkpoint):
    assert unwrap(checkpoint) == RAW


@pytest.mark.parametrize('key', ['model_ema', 'ema_model', 'state_dict_ema'])
def test_unwrap_the_average(key):
    checkpoint = {'model': RAW, key: AVERAGED}
    assert unwrap(checkpoint)['a'] == 1
    assert unwrap(checkpoint, ema=True)['a'] == 0


@pytest.mark.parametrize('checkpoint, ema, message', [
    ([1], False, 'it holds a list'),
    (dict(epoch=3), False, "'epoch' is a int"),
    (dict(state_dict=dict(a=1)), False, "'a' is a int"),
    ({
        3: torch.ones(1)
    }, False, '3 is a Tensor'),
    (dict(model=RAW), True, 'no averaged weights'),
])
def test_no_weights(checkpoint, ema, message):
    with pytest.raises(UserError, match=message):
        unwrap(checkpoint, ema)


def test_prefixes():
    out = without_prefixes({
        'n_averaged': 0,
        'module.model.conv1.weight': 1,
        'backbone.layer1.0.module.weight': 2,
        'modules.weight': 3
    })
    assert out == {
        'conv1.weight': 1,
        'layer1.0.module.weight': 2,
        'modules.weight': 3
    }
    with pytest.raises(UserError, match="has 'a.b' twice"):
        without_prefixes({'a.b': 1, 'module.a.b': 2})


@pytest.mark.parametrize('prefix', ['linear', 'fc', 'head.fc'])
def test_classifier(prefix):
    backbone, head = split_classifier({
        f'{prefix}.weight': 1,
        f'{prefix}.bias': 2,
        f'{prefix}.scale': 3,
        f'x.{prefix}.weight': 4
    })
    assert head == {'head.fc.weight': 1, 'head.fc.bias': 2}
    assert backbone == {f'{prefix}.scale': 3, f'x.{prefix}.weight': 4}


def test_read_file(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save(dict(model=RAW), path)
    assert read_file(str(path)) == dict(model=RAW)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match='truncated'):
        read_file(str(path))
    with pytest.raises(UserError, match='no such checkpoint'):
        read_file(str(tmp_path / 'b.pth'))
    with pytest.raises(UserError, match='is a folder'):
        read_file(str(tmp_path))


def test_read_file_runs_no_code(tmp_path):
    path = str(tmp_path / 'a.pth')
    torch.save(dict(model=RAW, config=pickle.Unpickler), path)
    with pytest.raises(UserError, match='--trust-checkpoint'):
        read_file(path)
    assert read_file(path, trusted=True)['config'] is pickle.Unpickler
