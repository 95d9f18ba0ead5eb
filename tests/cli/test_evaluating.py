"""Configs that can be evaluated, and their loaders."""
import pytest
from rich.console import Console

from mmrep.cli import load_config
from mmrep.cli.evaluating import check_evaluable, loader_of, progress

from ..refusals import sentence

NAMES = ('test_dataloader', 'test_evaluator')


def test_checked(tiny_det, tiny_seg):
    for config in (tiny_det, tiny_seg):
        check_evaluable(load_config(config), NAMES)
    cfg = load_config(tiny_seg)
    cfg.test_evaluator = None
    assert 'no `test_evaluator`' in sentence(check_evaluable, cfg, NAMES)
    cfg = load_config(tiny_seg)
    cfg.test_dataloader.dataset.data_root = 'elsewhere'
    assert "no dataset at 'elsewhere'" in sentence(check_evaluable, cfg, NAMES)
    cfg.default_scope = 'mmpose'
    assert 'one of mmdet, mmseg, mmpretrain' in sentence(
        check_evaluable, cfg, NAMES)


@pytest.mark.parametrize('name', ['tiny_det', 'tiny_seg', 'tiny_cls'])
def test_loader(name, request, capsys):
    """It has no workers and prints nothing; the config stays."""
    cfg = load_config(request.getfixturevalue(name))
    cfg.test_dataloader.update(num_workers=2, persistent_workers=True)
    loader = loader_of(cfg, 'test_dataloader')
    assert loader.num_workers == 0 and loader.batch_size == 2
    assert cfg.test_dataloader.num_workers == 2
    assert capsys.readouterr().out == ''


def test_loader_that_cannot_be_built(tiny_det):
    cfg = load_config(tiny_det)
    cfg.test_dataloader.dataset.type = 'Unknown'
    assert 'cannot build `test_dataloader`' in sentence(
        loader_of, cfg, 'test_dataloader')


def test_progress():
    follow = progress(Console(quiet=True), 'work')
    assert list(follow([1, 2])) == [1, 2]
