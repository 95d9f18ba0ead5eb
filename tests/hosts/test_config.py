"""Tests of mmrep/hosts/config.py."""
import sys

import pytest

from mmrep.errors import UserError
from mmrep.hosts import config, load_config

from ..refusals import sentence


def refused(path, *parts, options=None):
    message = sentence(load_config, str(path), options)
    for part in (str(path), *parts):
        assert part in message


def test_loads_with_options(tiny_det):
    cfg = load_config(
        tiny_det, {
            'model.neck.out_channels': 8,
            'val_dataloader.dataset.pipeline.0.to_float32': True
        })
    assert cfg.default_scope == 'mmdet'
    assert cfg.model.type == 'RetinaNet'
    assert cfg.model.neck.out_channels == 8
    assert cfg.val_dataloader.dataset.pipeline[0].to_float32


BAD = dict(
    syntax=('a = (\n', 'SyntaxError', 'never closed', 'line 1'),
    name=('a = foo\n', "name 'foo' is not defined"),
    base=("_base_ = './none.py'\n", '_base_', 'none.py'),
    host_base=("_base_ = 'mmdet::none/none.py'\n", '_base_', 'none.py'),
    host=("_base_ = 'mmfoo::none/none.py'\n", 'mmfoo'),
    null=('\0', 'null bytes'),
    imports=("custom_imports = dict(imports=['nothing_x'], "
             'allow_failed_imports=False)\n', 'Failed to import nothing_x',
             "No module named 'nothing_x'"),
    scope=('a = 1\n', '`default_scope` (=None)', 'mmpretrain'),
    other_scope=("default_scope = 'mmfoo'\n", "(='mmfoo')"))


@pytest.mark.parametrize('case', BAD)
def test_bad_config(tmp_path, case):
    content, *parts = BAD[case]
    path = tmp_path / 'bad.py'
    path.write_text(content)
    refused(path, *parts)


def test_import_error_leaves_out_the_path(tmp_path):
    path = tmp_path / 'bad.py'
    path.write_text(BAD['imports'][0])
    with pytest.raises(UserError) as error:
        load_config(str(path))
    assert 'sys.path' not in str(error.value)


def test_bad_files(tmp_path):
    refused(tmp_path / 'none.py', 'no such config')
    refused(tmp_path, 'is a folder')
    text = tmp_path / 'a.txt'
    text.write_text("default_scope = 'mmseg'")
    refused(text, 'py/yml/yaml/json')
    binary = tmp_path / 'binary.py'
    binary.write_bytes(b'\xf8\xff\x00')
    refused(binary, 'UnicodeDecodeError')


def test_bad_options(tiny_seg):
    option = 'val_dataloader.dataset.pipeline.9.type'
    refused(tiny_seg, '--cfg-options', option, options={option: 'x'})


def test_overrides_are_imported(tiny_seg, tmp_path, monkeypatch):
    """They are imported like the file's; the dumped config can be read."""
    (tmp_path / 'mine_for_mmrep.py').write_text('')
    monkeypatch.syspath_prepend(str(tmp_path))
    load_config(tiny_seg, {'custom_imports.imports': 'mine_for_mmrep'})
    assert 'mine_for_mmrep' in sys.modules
    refused(
        tiny_seg,
        '`custom_imports`',
        'gone_module',
        options={'custom_imports.imports': ['gone_module']})
    load_config(tiny_seg, {'custom_imports': None})


def test_host_not_installed(tiny_seg, monkeypatch):
    monkeypatch.setattr(config, 'find_spec', lambda name: None)
    refused(tiny_seg, 'needs mmseg', 'pip install mmsegmentation')


def test_a_config_that_a_host_brought_along():
    cfg = load_config('mmdet::retinanet/retinanet_r50_fpn_1x_coco.py')
    assert cfg.model.type == 'RetinaNet'


@pytest.mark.parametrize('path, message', [
    ('mmfoo::a.py', "'mmfoo::a.py' is of no installed host"),
    ('mmdet::a.py', 'no such config: .*mmdet.*a.py'),
])
def test_a_config_that_no_host_brought_along(path, message):
    with pytest.raises(UserError, match=message):
        load_config(path)
