"""tools/export_onnx.py puts preprocessing and labels into the file."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement

from mmrep.cli import build_model, load_config
from mmrep.testing import randomize_norms

from ..refusals import refused

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

# the block whose branches are exported fastest; the data are of 32 x 64
SETTINGS = '''
model = dict(
    backbone=dict(type='RepVGGResNet'),
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        test_cfg=dict(size_divisor=32)))
'''
BOTH = ('--with-preprocessing', '--labels')


@pytest.fixture
def export(load_tool):
    return load_tool('export_onnx').main


def trained(base, folder):
    """Write a config and its checkpoint, and return them with the model."""
    config = folder / 'net.py'
    config.write_text(f'_base_ = {base!r}\n{SETTINGS}')
    torch.manual_seed(0)
    model = randomize_norms(build_model(load_config(str(config)))).eval()
    torch.save(dict(state_dict=model.state_dict()), folder / 'net.pth')
    return str(config), str(folder / 'net.pth'), model


def labels_of(net_onnx, picture, result):
    """The code of docs/export.md, which needs no package of OpenMMLab."""
    import onnxruntime
    session = onnxruntime.InferenceSession(net_onnx)
    image = cv2.imread(picture)  # (H, W, 3), uint8, BGR
    labels, = session.run(None, {'image': image[None]})
    random = np.random.default_rng(0)
    colours = random.integers(256, size=(256, 3), dtype=np.uint8)
    cv2.imwrite(result, colours[labels[0]])
    return labels[0]


@torch.no_grad()
def test_a_decoded_image(export, tiny_seg, tmp_path):
    config, checkpoint, model = trained(tiny_seg, tmp_path)
    out, picture = str(tmp_path / 'net.onnx'), str(tmp_path / 'picture.png')
    export([config, checkpoint, out, '--size', '32', '64', *BOTH])
    image = np.random.default_rng(0).integers(256, size=(45, 37, 3))
    cv2.imwrite(picture, image.astype(np.uint8))
    labels = labels_of(out, picture, str(tmp_path / 'result.png'))
    assert labels.shape == (45, 37)
    assert cv2.imread(str(tmp_path / 'result.png')).shape == (45, 37, 3)
    meta = dict(img_shape=(45, 37), ori_shape=(45, 37))
    result, = model.test_step(
        dict(
            inputs=[torch.from_numpy(image.transpose(2, 0, 1))],
            data_samples=[BaseDataElement(metainfo=meta)]))
    expected = result.pred_sem_seg.data[0].numpy()
    assert (labels == expected).mean() > 0.999


def test_bad_input(export, capsys, tiny_seg, tmp_path):
    config, checkpoint, _ = trained(tiny_seg, tmp_path)
    out = tmp_path / 'net.onnx'
    message = refused(export, capsys, tmp_path, config, checkpoint, out,
                      '--labels', '--part', 'neck')
    assert 'EncoderDecoder, with --part neck: leave it out' in message
    slide = tmp_path / 'slide.py'
    slide.write_text(
        f'_base_ = {config!r}\n'
        "model = dict(test_cfg=dict(mode='slide', crop_size=(32, 32), "
        'stride=(32, 32)))')
    message = refused(export, capsys, tmp_path, slide, checkpoint, out,
                      '--labels')
    assert "`mode` (='slide')" in message
    own = tmp_path / 'own.py'
    own.write_text(f'_base_ = {config!r}\nmodel = dict(data_preprocessor=dict('
                   "_delete_=True, type='BaseDataPreprocessor'))")
    message = refused(export, capsys, tmp_path, own, checkpoint, out,
                      '--with-preprocessing')
    assert 'a BaseDataPreprocessor cannot be part of a graph' in message
