"""The recipe of DBB's authors: its noise, without wrapped numbers."""
from pathlib import Path

import numpy as np
import pytest
from mmcv.transforms import Compose
from mmengine.registry import TRANSFORMS, init_default_scope

from mmrep.cli import load_config

FOLDER = Path(__file__).parents[2] / 'configs'
# the principal components of ImageNet's pixels from 0 to 1, red first
VALUES = np.array([.2175, .0188, .0045])
VECTORS = np.array([[-.5675, .7192, .4009], [-.5808, -.0045, -.8140],
                    [-.5836, -.6948, .4203]])


@pytest.fixture(scope='module')
def steps():
    cfg = load_config(str(FOLDER / 'plain_r18_imagenet_own.py'))
    init_default_scope('mmpretrain')
    return [
        TRANSFORMS.build(dict(step)) for step in cfg.train_pipeline
        if step['type'] != 'LoadImageFromFile'
    ]


def test_lighting(steps):
    """``pixel + sum_i component_i value_i alpha_i`` with alpha of std 0.1."""
    image = np.linspace(0, 255, 4 * 5 * 3).reshape(4, 5, 3).astype('float32')
    lighting = next(s for s in steps if type(s).__name__ == 'Lighting')
    np.random.seed(0)
    out = lighting(dict(img=image))['img']
    np.random.seed(0)
    noise = VECTORS @ (VALUES * np.random.normal(0, .1, 3))
    expected = image[..., ::-1] / 255 + noise
    np.testing.assert_allclose(out[..., ::-1] / 255, expected, atol=1e-6)


def test_white_stays_bright(steps):
    """Whole numbers would wrap around; hue is jittered in both directions."""
    image = np.full((40, 50, 3), 255, np.uint8)
    np.random.seed(0)
    pipeline = Compose([s for s in steps if hasattr(s, 'transform')])
    values = [
        pipeline(dict(img=image.copy(), gt_label=0))['inputs']
        for _ in range(20)
    ]
    assert min(v.min() for v in values) > 255 * .6 - 10
    assert max(v.max() for v in values) > 255
    assert values[0].shape == (3, 224, 224)
    assert values[0].is_floating_point()
