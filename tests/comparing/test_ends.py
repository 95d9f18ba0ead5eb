"""What a training must leave, told before it begins."""
import pytest
from mmengine.config import Config

from mmrep.comparing.ends import check_end
from mmrep.errors import UserError


@pytest.mark.parametrize('config', [
    {},
    dict(default_hooks=None),
    dict(default_hooks=dict(checkpoint=dict(interval=-1))),
    dict(default_hooks=dict(logger=None)),
    dict(
        default_hooks=dict(checkpoint=None),
        custom_hooks=[dict(type='CheckpointHook', interval=2)]),
])
def test_the_last_checkpoint_is_saved(config):
    check_end(Config(config))


@pytest.mark.parametrize('hook', [
    None,
    dict(type='CheckpointHook', save_last=False),
    dict(interval=2, save_last=False),
    dict(interval=2, out_dir='elsewhere'),
])
def test_the_last_checkpoint_is_not_saved(hook):
    cfg = Config(dict(default_hooks=dict(checkpoint=hook)))
    with pytest.raises(UserError, match='no CheckpointHook that saves'):
        check_end(cfg)


def test_the_images_of_the_test_are_missing():
    cfg = Config(
        dict(
            default_scope='mmpretrain',
            test_dataloader=dict(dataset=dict(data_root='/nowhere'))))
    with pytest.raises(UserError, match='test_dataloader'):
        check_end(cfg)
