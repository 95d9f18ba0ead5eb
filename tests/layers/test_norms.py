"""Norms by name: classes that are known, with numbers that are possible."""
import sys

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from mmrep import DBBConv2d, UserError
from mmrep.layers.norms import batch_norm, plain_cfg


class Own(nn.BatchNorm2d):
    """A norm of a user's own."""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module that leaves a file when it is imported."""
    name, mark = 'mmrep_test_evil', tmp_path / 'imported'
    (tmp_path / f'{name}.py').write_text(f"""
from torch.nn import BatchNorm2d as X
open({str(mark)!r}, 'w').close()
""")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name, mark
    sys.modules.pop(name, None)


def test_nothing_is_imported(module):
    name, mark = module
    for kind in (f'{name}.X', f'{name}.registry.X', name, f'{name}.'):
        for place in (dict(norm_cfg=dict(type=kind)),
                      dict(kxk=dict(type='DBBConv2d', branches=[],
                                    norm_cfg=dict(type=kind))),
                      dict(kxk=dict(type=kind)),
                      dict(branches={'1x1_kxk': dict(second=dict(type=kind))}),
                      ):  # yapf: disable
            with pytest.raises(UserError, match='`type`'):
                DBBConv2d(4, 4, 3, **place)
    assert not mark.exists() and name not in sys.modules
    __import__(name)  # now it may be named
    assert mark.exists()
    norm = batch_norm(dict(type=f'{name}.X'), 4)
    assert type(norm) is nn.BatchNorm2d


def test_modules_that_import_when_asked_for_a_name():
    """Lazy modules import in a `__getattr__` of their own; none is asked."""
    lazy = type(sys)('mmrep_test_lazy')
    asked = []
    lazy.__getattr__ = asked.append
    sys.modules['mmrep_test_lazy'] = lazy
    try:
        with pytest.raises(UserError, match='`type`'):
            plain_cfg(dict(type='mmrep_test_lazy.X'))
    finally:
        del sys.modules['mmrep_test_lazy']
    assert not asked


@pytest.mark.parametrize('kind, expected', [
    ('BN', nn.BatchNorm2d),
    ('mmengine.BN', nn.BatchNorm2d),
    ('torch.nn.modules.batchnorm.BatchNorm2d', nn.BatchNorm2d),
    (nn.BatchNorm2d, nn.BatchNorm2d),
    (f'{__name__}.Own', Own),
    (Own, Own),
])
def test_names_of_norms(kind, expected):
    norm = batch_norm(dict(type=kind, eps=2e-3, momentum=None), 4)
    assert type(norm) is expected
    assert (norm.num_features, norm.eps, norm.momentum) == (4, 2e-3, None)


def test_a_class_given_in_python():
    """A class that no name leads to works, also in a block in a block."""

    class Local(nn.BatchNorm2d):
        pass

    layer = DBBConv2d(
        4,
        4,
        3,
        norm_cfg=dict(type=Local),
        kxk=dict(type='DBBConv2d', branches=['1x1']))
    assert {type(norm) for norm in layer.norms_inside()} == {Local}


def test_the_scope_of_a_host(monkeypatch):
    from mmdet.registry import MODELS as HOST
    monkeypatch.setitem(HOST._module_dict, 'HostsOwnBN', Own)
    with pytest.raises(UserError, match='`type`'):
        batch_norm(dict(type='HostsOwnBN'), 4)
    with MODELS.switch_scope_and_registry('mmdet'):
        assert type(batch_norm(dict(type='HostsOwnBN'), 4)) is Own
    assert type(batch_norm(dict(type='mmdet.HostsOwnBN'), 4)) is Own


@pytest.mark.parametrize('kind', [
    'GN', 'LN', 'IN', 'BN1d', 'BN3d', 'Conv2d', 'ReLU',
    'torch.nn.modules.batchnorm._BatchNorm', _NormBase,
    'torch.nn.modules.instancenorm._InstanceNorm', 'torch.nn.LazyBatchNorm2d',
    'sys.path.append', nn.GroupNorm, int
])
def test_no_batch_norms(kind):
    with pytest.raises((TypeError, UserError), match='batch norm'):
        batch_norm(dict(type=kind), 4)


NAN, INF = float('nan'), float('inf')


@pytest.mark.parametrize('norm_cfg, message', [
    (None, r'`norm_cfg` \(=None\) must be a dict with a `type`'),
    ('BN', r"`norm_cfg` \(='BN'\) must be a dict with a `type`"),
    ({}, 'must be a dict with a `type`'),
    (dict(type=None), 'must be a dict with a `type`'),
    (dict(type=3), r'`type` \(=3\) of `norm_cfg`'),
    (dict(type=['BN']), r'`type` \(=\[\'BN\'\]\) of `norm_cfg`'),
    (dict(type='BN', eps=NAN), r'`eps` \(=nan\) of `norm_cfg`'),
    (dict(type='BN', eps=INF), r'`eps` \(=inf\)'),
    (dict(type='BN', eps=0), r'`eps` \(=0\)'),
    (dict(type='BN', eps=-1e-5), r'`eps` \(=-1e-05\)'),
    (dict(type='BN', eps=1e-50), r'`eps` \(=1e-50\)'),
    (dict(type='BN', eps=10**400), r'`eps` \(=10'),
    (dict(type='BN', eps=True), r'`eps` \(=True\)'),
    (dict(type='BN', eps='1e-5'), r"`eps` \(='1e-5'\)"),
    (dict(type='BN', eps=None), r'`eps` \(=None\)'),
    (dict(type='BN', momentum=NAN), r'`momentum` \(=nan\)'),
    (dict(type='BN', momentum=1.5), r'`momentum` \(=1.5\)'),
    (dict(type='BN', momentum=-0.1), r'`momentum` \(=-0.1\)'),
    (dict(type='BN', momentum=[0.1]), r'`momentum` \(=\[0.1\]\)'),
    (dict(type='BN', requires_grad='no'), r"`requires_grad` \(='no'\)"),
    (dict(type='BN', epsilon=1e-5), "has 'epsilon', which BatchNorm2d does"),
    (dict(type='BN', device='cpu'), "has 'device'"),
    (dict(type='SyncBN', process_group=3), r'`process_group` \(=3\)'),
    (dict(type='SyncBN', process_group=[]), r'`process_group` \(=\[\]\)'),
    ({'type': 'BN', 3: 1}, 'has 3, which'),
])  # yapf: disable
def test_impossible(norm_cfg, message):
    for make in (plain_cfg, lambda cfg: DBBConv2d(4, 4, 3, norm_cfg=cfg)):
        with pytest.raises(UserError, match=message) as error:
            make(norm_cfg)
        assert '\n' not in str(error.value) and len(str(error.value)) < 400


def test_frozen():
    norm = batch_norm(dict(type='BN', requires_grad=False), 4)
    assert not any(p.requires_grad for p in norm.parameters())
    assert torch.equal(norm.weight, torch.ones(4))
