"""Configs that several tests of mmrep.measure share."""
import pytest


@pytest.fixture
def plain(tiny_cls, tmp_path):
    path = tmp_path / 'plain.py'
    path.write_text(
        f"_base_ = '{tiny_cls}'\n"
        "model = dict(backbone=dict(type='ResNet', stem_channels=8))")
    return str(path)
