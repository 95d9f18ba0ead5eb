"""Calibration sees images as a test does."""
import copy

import pytest
import torch

from mmrep.cli import build_model, load_config
from mmrep.cli.calibration import calibration_images, check_sizes
from mmrep.cli.evaluating import loader_of
from mmrep.errors import UserError


def test_images(request):
    """These configs have equal data sets, and so equal images."""
    for name in ('tiny_seg', 'tiny_cls'):
        cfg = load_config(request.getfixturevalue(name))
        preprocessor = build_model(cfg).data_preprocessor
        batches = [
            preprocessor(batch)['inputs']
            for batch in loader_of(cfg, 'val_dataloader')
        ]
        expected = torch.cat(batches)
        images = calibration_images(cfg, preprocessor, 100)
        assert torch.cat(images).equal(expected)
        some = calibration_images(cfg, preprocessor, 2)
        assert torch.cat(some).equal(expected[[0, len(expected) // 2]])


def test_pipeline_is_that_of_a_test(tiny_seg):
    """Nothing is augmented, not even in wrapped datasets."""
    cfg = load_config(tiny_seg)
    preprocessor = build_model(cfg).data_preprocessor
    expected = torch.cat(calibration_images(cfg, preprocessor, 4))
    loader = cfg.train_dataloader
    loader.dataset.pipeline.insert(
        1, dict(type='Resize', scale=(16, 8), keep_ratio=False))
    loader.dataset = dict(
        type='RepeatDataset', times=2, dataset=copy.deepcopy(loader.dataset))
    images = calibration_images(cfg, preprocessor, 8)
    assert torch.cat(images[:4]).equal(expected)
    assert cfg.train_dataloader.dataset.dataset.pipeline[1].type == 'Resize'


def test_mixed_images(tiny_seg):
    """The images of a wrapper that mixes them are taken unmixed."""
    cfg = load_config(tiny_seg)
    preprocessor = build_model(cfg).data_preprocessor
    expected = torch.cat(calibration_images(cfg, preprocessor, 4))
    cfg.train_dataloader.dataset = dict(
        type='MultiImageMixDataset',
        dataset=copy.deepcopy(cfg.train_dataloader.dataset),
        pipeline=[dict(type='RandomMosaic', prob=1, img_scale=(64, 32))])
    images = calibration_images(cfg, preprocessor, 4)
    assert torch.cat(images).equal(expected)


def test_images_that_cannot_be_had(tiny_seg):
    preprocessor = build_model(load_config(tiny_seg)).data_preprocessor

    def broken(change, match):
        cfg = load_config(tiny_seg)
        change(cfg)
        with pytest.raises(UserError, match=match):
            calibration_images(cfg, preprocessor, 2)

    broken(lambda cfg: cfg.val_dataloader.dataset.pop('pipeline'),
           'KeyError: pipeline')
    broken(lambda cfg: cfg.val_dataloader.dataset.pipeline.pop(),
           'KeyError: inputs')
    broken(
        lambda cfg: cfg.train_dataloader.dataset.update(
            indices=0, serialize_data=False), 'empty dataset')


def test_one_size_for_histograms():
    images = [torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 9)]
    check_sizes(images, 'minmax')
    check_sizes(images[:1] * 2, 'entropy')
    with pytest.raises(UserError, match='--calibration entropy .* have 2'):
        check_sizes(images, 'entropy')
