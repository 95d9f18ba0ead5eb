"""Tests of mmrep/cli/data.py."""
import os
import shutil

import pytest
from mmengine.config import Config

from mmrep.cli import UserError, check_datasets, load_config
from mmrep.cli.data import image_folders

from ..refusals import sentence


def check(dataset, loader='train_dataloader', scope='mmdet', **kwargs):
    cfg = Config({
        'default_scope': scope,
        loader: dict(dataset=dataset),
        **kwargs
    })
    check_datasets(cfg)


def refused(dataset, *parts, **kwargs):
    message = sentence(check, dataset, **kwargs)
    for part in parts:
        assert part in message


@pytest.mark.parametrize('tiny', ['tiny_seg', 'tiny_det', 'tiny_cls'])
def test_real_configs_pass(request, tiny):
    loaders = ('train_dataloader', 'val_dataloader', 'test_dataloader')
    check_datasets(load_config(request.getfixturevalue(tiny)), loaders)


@pytest.mark.parametrize('part', ['images', 'train.json', ''])
def test_missing_part_of_a_real_config(tiny_det, tmp_path, part):
    copied = tmp_path / 'data'
    shutil.copytree(os.path.dirname(tiny_det), copied)
    missing = os.path.join(str(copied), part).rstrip(os.sep)
    cfg = load_config(tiny_det,
                      {'train_dataloader.dataset.data_root': str(copied)})
    check_datasets(cfg)
    shutil.rmtree(missing, ignore_errors=True)
    if os.path.exists(missing):
        os.remove(missing)
    with pytest.raises(UserError, match=f'no dataset at .{missing}'):
        check_datasets(cfg)
    check_datasets(cfg, ('val_dataloader', 'test_dataloader'))


def test_way_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(
        dict(data_root='data/shapes/coco/'), "'data/shapes/coco/'",
        str(tmp_path / 'data' / 'shapes' / 'coco'), 'train_dataloader',
        '`python tools/make_shapes.py data/shapes`')
    refused(
        dict(data_root='data/shapes_hard/coco/'),
        '`python tools/make_shapes.py data/shapes_hard --hard`')
    refused(
        dict(data_root='data/digits'), '`python tools/make_digits.py '
        'data/digits`')
    refused(dict(data_root='data/coco/'), 'COCO', 'mmdet', 'Dataset Prepare')
    refused(
        dict(data_root='data/cityscapes/'),
        'Cityscapes',
        'mmseg',
        'Prepare datasets',
        scope='mmseg')
    refused(
        dict(data_root='data/birds'),
        'mmpretrain',
        'Prepare Dataset',
        scope='mmpretrain')


def test_wrappers(tmp_path):
    good = dict(type='A', data_root=str(tmp_path))
    bad = dict(type='A', data_root='gone')
    check(dict(type='RepeatDataset', times=2, dataset=good))
    refused(dict(type='RepeatDataset', times=2, dataset=bad), "'gone'")
    concat = dict(type='ConcatDataset', datasets=[good, bad])
    refused(concat, "'gone'")
    refused(dict(type='RepeatDataset', dataset=concat), "'gone'")
    refused(dict(type='MultiImageMixDataset', dataset=[good, bad]), "'gone'")


def test_annotations_and_prefixes(tmp_path):
    (tmp_path / 'images').mkdir()
    root = str(tmp_path)
    check(dict(data_root=root, data_prefix=dict(img='images/', seg=None)))
    check(dict(data_root=root, data_prefix='images', ann_file=''))
    check(dict(data_prefix=dict(img=str(tmp_path / 'images'))))
    refused(dict(data_root=root, ann_file='a.json'), str(tmp_path / 'a.json'))
    refused(dict(data_root=root, ann_file=['images', 'b.json']), 'b.json')
    refused(
        dict(data_root=root, data_prefix=dict(img='images', seg='none')),
        str(tmp_path / 'none'))


def test_evaluators_annotations(tmp_path):
    metrics = [dict(type='A'), dict(type='CocoMetric', ann_file='gone.json')]
    good = dict(data_root=str(tmp_path))
    for evaluator in (metrics, metrics[1]):
        refused(
            good,
            'gone.json',
            loader='val_dataloader',
            val_evaluator=evaluator)
    check(good, val_evaluator=metrics)  # without val_dataloader


def test_left_to_the_host():
    check(dict(data_root='s3://bucket/coco', ann_file='a.json'))
    check(dict(type='mmpretrain.CIFAR10', data_prefix='data/cifar10'))
    check_datasets(Config(dict(val_dataloader=None)))


@pytest.mark.parametrize('dataset, words', [
    (dict(dataset=5), r'`dataset` \(=5\)'),
    (dict(datasets=['foo']), r"`dataset` \(='foo'\)"),
    (dict(datasets=[dict(data_root=5)]), r'`data_root` \(=5\)'),
])
def test_datasets_of_the_wrong_kind(dataset, words):
    with pytest.raises(UserError, match=f'^{words} .* must be a '):
        check(dataset)


def test_folders_of_images():
    inner = dict(data_root='a', data_prefix=dict(img='b', seg='c'))
    datasets = [inner, dict(data_root='d'), dict(data_prefix='s3://e')]
    loader = dict(dataset=dict(datasets=datasets))
    assert image_folders(loader['dataset']) == ['a/b', 'a/c', 'd']
    assert image_folders(loader) == ['a/b', 'a/c', 'd']
    assert image_folders(dict(dataset=dict(ann_file='x'))) == []
