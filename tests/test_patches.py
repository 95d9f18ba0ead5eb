"""The changes of the import in other libraries: applied, off and undone."""
import os
import subprocess
import sys
from textwrap import dedent

import mmcv.cnn
import mmengine.runner.checkpoint as mmengine_checkpoint
import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader
from mmpretrain.models import RepVGG
from torch import nn

import mmrep
from mmrep import patches

NAMES = ['checkpoints', 'structures', 'forks', 'converters']
CODE = """
    import pickle
    import warnings
    from functools import partial
    import mmengine.runner.checkpoint as checkpoint
    import torch
    from mmcv.cnn import build_conv_layer
    from mmcv.cnn.utils.fuse_conv_bn import fuse_conv_bn as first
    from mmengine.config.utils import MODULE2PACKAGE
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval as second

    def state():
        return (checkpoint.load_state_dict, first.__code__, second.__code__,
                checkpoint.CheckpointLoader.load_checkpoint.__func__,
                dict(MODULE2PACKAGE))

    held, before = dict(a=[first], b=partial(second, transpose=False)), state()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        import mmrep
    told = [str(w.message) for w in caught if 'MMREP' in str(w.message)]
    assert len(told) == 1 and 'fuse_conv_bn' in told[0], told
    assert before == state() and mmrep.applied_patches() == []
    # registration goes on
    block = build_conv_layer(dict(type='DBBConv2d'), 4, 4, 3).eval()
    assert type(block) is mmrep.DBBConv2d
    norm = nn.BatchNorm2d(4).eval()
    calls = [lambda: first(nn.Sequential(block)),
             lambda: held['a'][0](nn.Sequential(block)),
             lambda: second(block, norm), lambda: held['b'](block, norm)]
    for call in calls:
        call()  # wrong, as docs/importing.md says

    mmrep.apply_patches()
    for call in calls:
        try:
            call()
        except mmrep.UserError:
            continue
        raise SystemExit('not refused')
    assert pickle.loads(pickle.dumps(first)) is first
    assert second(nn.Conv2d(4, 4, 3).eval(), norm).bias is not None
    assert type(first(nn.Sequential(nn.Conv2d(4, 4, 3), norm))[1]
                ) is nn.Identity
    """


@pytest.fixture
def again():
    yield
    mmrep.apply_patches()


def state():
    """Return all that the patches change, as it is now."""
    return dict(
        load=mmengine_checkpoint.load_state_dict,
        read=CheckpointLoader.load_checkpoint.__func__,
        function=mmcv.cnn.fuse_conv_bn.__code__,
        defaults=mmcv.cnn.fuse_conv_bn.__kwdefaults__,
        method=vars(RepVGG)['switch_to_deploy'],
        unpickled=mmrep.RepConv2d.on_unpickling,
        hooks=len(torch.nn.modules.module._global_module_registration_hooks))


def test_import_applies_them():
    assert mmrep.applied_patches() == NAMES == list(patches.WITHOUT)
    assert hasattr(mmengine_checkpoint.load_state_dict, '__wrapped__')
    assert hasattr(mmcv.cnn.fuse_conv_bn, '__wrapped__')


def test_twice_is_once():
    before = state()
    mmrep.apply_patches()
    assert state() == before
    assert mmrep.applied_patches() == NAMES


def test_undone_and_applied_again(again):
    before = state()
    mmrep.undo_patches()
    mmrep.undo_patches()
    assert mmrep.applied_patches() == []
    undone = state()
    assert undone['hooks'] == before['hooks'] - 1
    same = [name for name in before if before[name] == undone[name]]
    assert same == [], f'these are as before: {same}'
    for name in ('load', 'read', 'method'):
        assert before[name].__wrapped__ is undone[name]
    net = nn.Sequential(mmrep.DBBConv2d(4, 4, 3), nn.BatchNorm2d(4)).eval()
    mmcv.cnn.fuse_conv_bn(net)  # silently wrong, see docs/importing.md
    mmrep.apply_patches()
    assert hasattr(mmcv.cnn.fuse_conv_bn, '__wrapped__')
    with pytest.raises(mmrep.UserError, match='mmrep.fuse'):
        mmcv.cnn.fuse_conv_bn(nn.Sequential(mmrep.DBBConv2d(4, 4, 3)))


def test_without_the_structures(again):
    """Without it a plain net takes a block's first kernel as its whole."""
    torch.manual_seed(0)
    weights = nn.Sequential(mmrep.DBBConv2d(2, 2, 3)).state_dict()
    net = nn.Sequential(nn.Conv2d(2, 2, 3))
    mmrep.undo_patches()
    mmengine_checkpoint.load_state_dict(net, weights)
    assert type(net[0]) is nn.Conv2d
    assert net[0].weight.equal(weights['0.weight'])
    mmrep.apply_patches()
    mmengine_checkpoint.load_state_dict(net, weights)
    assert type(net[0]) is mmrep.DBBConv2d


def test_off_by_the_environment_and_on_later():
    """Patches also reach names that were imported before mmrep was."""
    done = subprocess.run(
        [sys.executable, '-c', dedent(CODE)],
        capture_output=True,
        text=True,
        env={
            **os.environ, 'MMREP_PATCHES': '0'
        })
    assert not done.returncode, done.stdout + done.stderr


def test_another_value(monkeypatch):
    monkeypatch.setenv('MMREP_PATCHES', 'no')
    with pytest.raises(mmrep.UserError, match=r"\(='no'\) must be 1"):
        patches.apply_at_import()
