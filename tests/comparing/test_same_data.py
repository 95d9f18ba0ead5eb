"""A seed gives all nets the same images, changed in the same way."""
from itertools import islice

import pytest
import torch
from mmengine.runner import Runner

from mmrep.comparing.plan import Net, run_of
from mmrep.hosts import load_config

CHANGES = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomCrop', crop_size=24),
    dict(type='PackInputs', meta_keys=('img_path', ))
]


@pytest.fixture
def seen_by(tiny_cls, tmp_path):
    """Return a function that lists what a net sees with a seed."""

    def seen_by(backbone, seed):
        cfg = load_config(tiny_cls)
        cfg.model.backbone.type = backbone
        cfg.train_dataloader.dataset.pipeline = CHANGES
        cfg.train_dataloader.collate_fn = dict(type='default_collate')
        run = run_of(Net(backbone, '', cfg), seed, str(tmp_path))
        run.cfg.experiment_name = f'{backbone}-{seed}'
        runner = Runner.from_cfg(run.cfg)
        runner.train_loop  # builds the loader, as `train` does
        runner.model.init_weights()
        return [
            (sample.img_path, image)
            for batch in islice(runner.train_dataloader, 4)
            for sample, image in zip(batch['data_samples'], batch['inputs'])
        ]

    return seen_by


def same(ones, others):
    """Return whether the paths are the same, and whether the images are."""
    paths = [a[0] == b[0] for a, b in zip(ones, others)]
    images = [torch.equal(a[1], b[1]) for a, b in zip(ones, others)]
    return all(paths), all(images)


def test_same_images_and_changes(seen_by):
    plain = seen_by('ResNet', 3)
    assert same(plain, seen_by('DBBResNet', 3)) == (True, True)
    assert same(plain, seen_by('ResNet', 4)) == (False, False)
