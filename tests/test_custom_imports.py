"""The imports of a config, with which a host alone can read it."""
import os
import subprocess
import sys

import pytest
from mmengine.config import Config

from mmrep import DyRepHook, OREPAResNet
from mmrep.cli import load_config
from mmrep.custom_imports import (add_import, drop_import, imports_of, needs,
                                  uses_mmrep)

OURS = dict(
    backbone=dict(model=dict(backbone=dict(type='OREPAResNet'))),
    scope=dict(model=dict(backbone=dict(type='mmengine.DBBResNet'))),
    path=dict(model=dict(type='mmrep.backbones.resnets.DBBResNet')),
    itself=dict(model=dict(backbone=dict(type=OREPAResNet))),
    conv_cfg=dict(model=dict(neck=[dict(conv_cfg=dict(type='ACBConv2d'))])),
    wrapper=dict(
        model=dict(
            type='Reparameterized', model=dict(type='X'), conv='DBBConv2d')),
    structure=dict(model=dict(type='Restructured', structure='a.json')),
    constructor=dict(
        optim_wrapper=dict(constructor='GroupedOptimWrapperConstructor')),
    hook=dict(custom_hooks=[dict(
        type='EMAHook'), dict(type='DyRepHook')]),
    hook_itself=dict(custom_hooks=(dict(type=DyRepHook), )),
    default_hook=dict(default_hooks=dict(a=dict(type='DyRepHook'))))
OTHERS = dict(
    none={},
    stock=dict(model=dict(backbone=dict(type='ResNet'))),
    constructor=dict(
        optim_wrapper=dict(constructor='DefaultOptimWrapperConstructor')),
    words=dict(note='OREPAResNet', types=['DBBConv2d'], type=None),
    other=dict(model=dict(type='mmrepair.Net')))


@pytest.mark.parametrize('case', OURS)
def test_ours(case):
    assert uses_mmrep(OURS[case])
    cfg = Config(OURS[case])
    add_import(cfg)
    assert cfg.custom_imports == dict(
        imports=['mmrep'], allow_failed_imports=False)


@pytest.mark.parametrize('case', OTHERS)
def test_others(case):
    assert not uses_mmrep(OTHERS[case])
    cfg = Config(OTHERS[case])
    add_import(cfg)
    assert 'custom_imports' not in cfg


@pytest.mark.parametrize('imports, expected', [
    ('json', ['json', 'mmrep']),
    (['json'], ['json', 'mmrep']),
    ([], ['mmrep']),
    (None, ['mmrep']),
    ('mmrep', ['mmrep']),
    (['json', 'mmrep'], ['json', 'mmrep']),
    (['mmrep.layers'], ['mmrep.layers']),
])
def test_what_it_had_stays(imports, expected):
    cfg = Config(
        dict(
            custom_imports=dict(imports=imports, allow_failed_imports=True),
            **OURS['backbone']))
    add_import(cfg)
    assert imports_of(cfg) == expected
    assert cfg.custom_imports.allow_failed_imports


@pytest.mark.parametrize('imports, left, words', [
    (['mmrep'], [], 'no mmrep'),
    ('mmrep', [], 'no mmrep'),
    (['mmrep.layers'], [], 'no mmrep'),
    (['mmrep', 'my_block'], ['my_block'], "`custom_imports` 'my_block' and"),
    ('my_block', ['my_block'], "`custom_imports` 'my_block' and"),
])
def test_where_nothing_is_left(imports, left, words):
    cfg = Config(dict(custom_imports=dict(imports=imports)))
    drop_import(cfg)
    assert imports_of(cfg) == left and words in needs(cfg)
    assert ('custom_imports' in cfg) == bool(left)


def test_variables_that_nothing_is_made_of():
    """Configs leave such variables behind; they need no import."""
    cfg = Config(
        dict(
            backbone=dict(type='OREPAResNet'),
            custom_imports=dict(imports=['mmrep']),
            model=dict(backbone=dict(type='ResNet'))))
    drop_import(cfg)
    assert needs(cfg) == 'no mmrep'
    add_import(cfg)
    assert needs(cfg) == 'no mmrep'


def test_where_something_is_left():
    cfg = Config(
        dict(custom_imports=dict(imports=['mmrep']), **OURS['conv_cfg']))
    drop_import(cfg)
    assert needs(cfg) == 'mmrep'
    cfg.custom_imports.imports = ['mmrep', 'a']
    assert "'mmrep', 'a'" in needs(cfg)


HOST = '''
import sys
from mmengine.config import Config
from mmengine.registry import HOOKS, MODELS, init_default_scope
assert not any(name.split('.')[0] == 'mmrep' for name in sys.modules)
for path in sys.argv[1:]:
    cfg = Config.fromfile(path)
    init_default_scope(cfg.default_scope)
    model = MODELS.build(cfg.model)
    for hook in cfg.get('custom_hooks', []):
        HOOKS.build(hook)
    print(type(model.backbone).__name__)
'''


def test_hosts_read_what_is_written(tiny_seg, tiny_det, tiny_cls, tmp_path):
    """A process that has only mmengine, like the hosts' tools, builds it."""
    paths, hook = [], [dict(type='DyRepHook')]
    for tiny, options in ((tiny_seg, {}), (tiny_det, {}),
                          (tiny_cls, dict(custom_hooks=hook))):
        plain = Config.fromfile(tiny)
        plain.pop('custom_imports')
        plain.model.backbone.type = 'ResNet'
        plain.dump(tmp_path / 'plain.py')
        kind = 'ResNet' if options else 'OREPAResNet'
        cfg = load_config(
            str(tmp_path / 'plain.py'), {
                'model.backbone.type': kind,
                **options
            })
        paths.append(str(tmp_path / f'{cfg.default_scope}.py'))
        cfg.dump(paths[-1])
    done = subprocess.run([sys.executable, '-c', HOST, *paths],
                          env=dict(os.environ, OMP_NUM_THREADS='1'),
                          capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[-3:] == ['OREPAResNet'] * 2 + ['ResNet']
