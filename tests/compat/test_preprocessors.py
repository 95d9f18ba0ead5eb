"""What data preprocessors of the hosts do is read right."""
import pytest
from mmdet.models import DetDataPreprocessor
from mmengine.model import BaseDataPreprocessor, ImgDataPreprocessor
from mmpretrain.models import ClsDataPreprocessor, SelfSupDataPreprocessor
from mmseg.models import SegDataPreProcessor

from mmrep.compat.preprocessors import (known_preprocessor, normalizes,
                                        reverses_channels)

MEAN = dict(mean=[1., 2., 3.], std=[1., 1., 1.])


class Renamed(SegDataPreProcessor):
    pass


class Own(SegDataPreProcessor):

    def forward(self, data, training=False):
        return data


@pytest.mark.parametrize('kind, name', [
    (ImgDataPreprocessor, 'mmengine.ImgDataPreprocessor'),
    (DetDataPreprocessor, 'mmdet.DetDataPreprocessor'),
    (SegDataPreProcessor, 'mmseg.SegDataPreProcessor'),
    (ClsDataPreprocessor, 'mmpretrain.ClsDataPreprocessor'),
    (Renamed, 'mmseg.SegDataPreProcessor'),
    (Own, None),
    (SelfSupDataPreprocessor, None),
    (BaseDataPreprocessor, None),
])
def test_known(kind, name):
    assert known_preprocessor(kind()) == name
    assert known_preprocessor(None) is None


@pytest.mark.parametrize('kind, flag, any_channels', [
    (ImgDataPreprocessor, 'bgr_to_rgb', True),
    (DetDataPreprocessor, 'rgb_to_bgr', True),
    (SegDataPreProcessor, 'bgr_to_rgb', False),
    (ClsDataPreprocessor, 'to_rgb', False),
])
def test_channels_and_mean(kind, flag, any_channels):
    assert reverses_channels(kind(**{flag: True}), 3)
    assert reverses_channels(kind(**{flag: True}), 1) == any_channels
    assert not reverses_channels(kind(), 3)
    assert normalizes(kind(**MEAN)) and not normalizes(kind())
