"""The Python on the pages runs, and the configs on them build.

All blocks of a page share their names, as for a reader who follows the page.
They begin with a few names of the reader's own. A block that

- sets ``_base_`` is a config: it is read and its model built;
- sets ``backbone`` is a part of a config: the backbone is built;
- defines ``test_...`` is a test file: its tests run;
- uses A_NAME that stands for a file of the reader's is only parsed.
"""
import ast
from collections import OrderedDict

import pytest
import torch
from mmengine.registry import MODELS, init_default_scope
from torch import nn

import mmrep
from mmrep.hosts import build_model, load_config
from mmrep.layers import BRANCHES
from mmrep.nets.walk import rep_layers

from .pages import PAGES, blocks, name_of

RUN = [page for page in PAGES if blocks(page, 'python')]


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    """Run in a folder of its own, and undo what a page registers."""
    monkeypatch.chdir(tmp_path)
    registries = (MODELS, BRANCHES)
    known = [dict(registry.module_dict) for registry in registries]
    torch.manual_seed(0)
    yield
    for registry, before in zip(registries, known):
        registry.module_dict.clear()
        registry.module_dict.update(before)


def readers_own():
    """Return a reader's own objects: two models and a convolution."""

    def net():
        return nn.Sequential(OrderedDict(backbone=nn.Conv2d(4, 4, 3)))

    return dict(
        __name__='page',
        mmrep=mmrep,
        conv=nn.Conv2d(4, 4, 3),
        layer=mmrep.DBBConv2d(4, 4, 3),
        model=net(),
        other=net())


def has_placeholder(block, names):
    """Return True if the page does not define a name in capitals."""
    nodes = list(ast.walk(ast.parse(block.text)))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    own = {node.id for node in nodes if isinstance(node, ast.Name)
           and isinstance(node.ctx, ast.Store)}  # yapf: disable
    own |= {
        node.asname or node.name
        for node in nodes if isinstance(node, ast.alias)
    }
    return any(name.isupper() for name in used - own - names.keys())


def build_config(block, folder):
    path = folder / f'line_{block.line}.py'
    path.write_text(block.text)
    cfg = load_config(str(path))
    evolves = any('DyRep' in h.type for h in cfg.get('custom_hooks') or [])
    with torch.device('meta'):  # saves the time of drawing weights
        model = build_model(cfg)
    assert evolves or list(rep_layers(model))


def run(block, page, names):
    """Run a block, with the line numbers of the page."""
    source = '\n' * (block.line - 1) + block.text
    exec(compile(source, name_of(page), 'exec'), names)
    tests = [
        node.name for node in ast.parse(block.text).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith('test_')
    ]
    for test in tests:
        names[test]()
    part = {k: v for k, v in names.items() if isinstance(v, dict)}
    if 'backbone' in part:
        init_default_scope('mmdet')
        assert list(rep_layers(MODELS.build(names.pop('backbone'))))
    if 'model' in part:  # this is a part of a config, not the reader's model
        names['model'] = readers_own()['model']


@pytest.fixture(scope='module')
def trained(tiny_cls, tmp_path_factory):
    """The config and the checkpoint of a reader's trained net."""
    path = str(tmp_path_factory.mktemp('trained') / 'net.pth')
    torch.save(build_model(load_config(tiny_cls)).state_dict(), path)
    return dict(TRAINED_PY=tiny_cls, TRAINED_PTH=path)


@pytest.mark.parametrize('page', RUN, ids=name_of)
def test_python(page, tmp_path, trained):
    names = {**readers_own(), **trained}
    for block in blocks(page, 'python'):
        if '_base_ =' in block.text:
            build_config(block, tmp_path)
        elif not has_placeholder(block, names):
            run(block, page, names)
