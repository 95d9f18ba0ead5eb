"""tools/export_onnx.py puts preprocessing and labels into the file."""
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement

from mmrep.boxes import OUTPUTS
from mmrep.boxes.matching import match
from mmrep.boxes.predicted import Boxes, boxes_in
from mmrep.cli import build_model, load_config
from mmrep.testing import randomize_norms

from ..boxes.detectors import tamed
from ..docs.pages import ROOT, blocks
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


def run_page(words, **paths):
    """Run the block of docs/export.md with these words, with own files.

    It needs no package of OpenMMLab, and runs in a process without them.
    """
    block, = (
        block.text for block in blocks(ROOT / 'docs/export.md', 'python')
        if words in block.text)
    hidden = ('mmrep', 'mmengine', 'mmcv', 'mmdet', 'mmseg', 'torch')
    names = [f'{name} = {str(path)!r}' for name, path in paths.items()]
    lines = ['import sys', *(f'sys.modules[{n!r}] = None' for n in hidden)]
    code = '\n'.join([*lines, *names, block, 'import numpy as np'])
    subprocess.run([
        sys.executable, '-c',
        f'{code}\nnp.savez({str(paths["RESULT"]) + ".npz"!r}, '
        '**{k: v for k, v in vars().items() if k in '
        '("boxes", "scores", "labels")})'
    ], check=True)  # yapf: disable
    return np.load(f'{paths["RESULT"]}.npz')


def picture_of(size, path):
    """Draw and return an image of random blocks."""
    rng = np.random.default_rng(0)
    image = rng.integers(256, size=(9, 8, 3), dtype=np.uint8)
    image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(path), image)
    return image


@torch.no_grad()
def test_a_decoded_image(export, tiny_seg, tmp_path):
    config, checkpoint, model = trained(tiny_seg, tmp_path)
    out, picture = str(tmp_path / 'net.onnx'), str(tmp_path / 'picture.png')
    export([config, checkpoint, out, '--size', '32', '64', *BOTH])
    image = picture_of((45, 37), picture)
    result = tmp_path / 'result.png'
    labels, = run_page(
        'colours', NET_ONNX=out, PICTURE=picture, RESULT=result)['labels']
    assert labels.shape == (45, 37)
    assert cv2.imread(str(result)).shape == (45, 37, 3)
    meta = dict(img_shape=(45, 37), ori_shape=(45, 37))
    result, = model.test_step(
        dict(
            inputs=[torch.from_numpy(image.transpose(2, 0, 1))],
            data_samples=[BaseDataElement(metainfo=meta)]))
    expected = result.pred_sem_seg.data[0].numpy()
    assert (labels == expected).mean() > 0.999


@torch.no_grad()
def test_boxes_of_a_decoded_image(export, tiny_det, tmp_path):
    """The file gives the boxes that mmdet's test_step gives."""
    from mmdet.structures import DetDataSample
    config = tmp_path / 'det.py'
    config.write_text(f'_base_ = {tiny_det!r}\n'
                      "model = dict(backbone=dict(type='RepVGGResNet'))")
    torch.manual_seed(0)
    model = build_model(load_config(str(config)))
    model = tamed(randomize_norms(model).eval())
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'net.pth')
    files = [tmp_path / name for name in ('net.pth', 'net.onnx')]
    export([*map(str, (config, *files)), '--with-preprocessing'])
    image = picture_of((45, 70), tmp_path / 'picture.png')
    found = run_page(
        'cv2.rectangle',
        NET_ONNX=files[1],
        PICTURE=tmp_path / 'picture.png',
        RESULT=tmp_path / 'result.png')
    meta = dict(img_shape=(45, 70), ori_shape=(45, 70), scale_factor=(1., 1.))
    expected, = model.test_step(
        dict(
            inputs=[torch.from_numpy(image.transpose(2, 0, 1))],
            data_samples=[DetDataSample(metainfo=meta)]))
    instances = expected.pred_instances
    one = match(
        Boxes(instances.bboxes, instances.scores, instances.labels),
        *boxes_in([torch.from_numpy(found[name]) for name in OUTPUTS]))
    assert one.count > 20 and not one.alone
    assert (cv2.imread(str(tmp_path / 'result.png')) != image).any()


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
