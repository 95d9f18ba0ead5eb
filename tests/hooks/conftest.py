"""Tiny runs whose net evolves."""
import pytest
from mmengine.config import Config

SCHEDULE = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=5),
    dict(type='CosineAnnealingLR', T_max=7, by_epoch=False, begin=5, end=12)
]


@pytest.fixture
def evolving(tiny_seg, tiny_det, tiny_cls, tmp_path):
    """Return a function that writes a config and returns it, with its path.

    It is a plain host's config with DyRepHook, which is all that a user adds.
    """
    paths = dict(mmseg=tiny_seg, mmdet=tiny_det, mmpretrain=tiny_cls)

    def write(host, name='evolving', hooks=(), **hook):
        cfg = Config.fromfile(paths[host])
        cfg.model.backbone.type = 'ResNet'
        if host == 'mmseg':
            cfg.model.backbone.update(
                strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4))
        # with two values in a channel, batch norms amplify any change
        cfg.train_dataloader.batch_size = 8 if host == 'mmpretrain' else 2
        hook = {**dict(type='DyRepHook', interval=3, stop=9), **hook}
        cfg.custom_hooks = [hook, *hooks]
        cfg.train_cfg.max_iters = 12
        cfg.param_scheduler = SCHEDULE
        cfg.default_hooks.checkpoint.interval = 6
        cfg.visualizer = dict(
            type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
        path = tmp_path / f'{name}.py'
        cfg.dump(path)
        return cfg, str(path)

    return write


@pytest.fixture
def train(load_tool, tmp_path):
    """Return a function that trains a config and returns its checkpoint."""

    def run(path, name='run', last='iter_12.pth', *arguments):
        work_dir = tmp_path / name
        load_tool('train').main(
            [path, '--work-dir', str(work_dir), *arguments])
        return str(work_dir / last)

    return run
