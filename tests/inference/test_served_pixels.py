"""Files that preprocess get the pixels, and serve hosts alike."""
import numpy as np
import pytest
import torch

from mmrep.boxes import OUTPUTS
from mmrep.cli import build_model, load_config
from mmrep.cli.evaluating import loader_of
from mmrep.export.onnx_parts import Part
from mmrep.inference.onnx_file import OnnxFile
from mmrep.inference.served import served
from mmrep.inference.served_net import Net
from mmrep.testing import randomize_norms

from ..refusals import sentence

LOADER = 'val_dataloader'
MEAN, STD = (100., 110., 120.), (50., 60., 70.)


def case(config, size):
    """A config whose images have a size, and its net, with boxes at all."""
    cfg = load_config(config)
    cfg.model.backbone.type = 'ResNet'
    settings = dict(mean=MEAN, std=STD)
    if cfg.default_scope == 'mmseg':
        settings.update(test_cfg=dict(size_divisor=32))
    in_model = 'data_preprocessor' in cfg.model
    (cfg.model if in_model else cfg).data_preprocessor.update(settings)
    resize(cfg, size, insert=True)
    torch.manual_seed(0)
    model = randomize_norms(build_model(cfg)).eval()
    if cfg.default_scope == 'mmdet':
        torch.nn.init.zeros_(model.bbox_head.retina_cls.bias)
    return cfg, model


def resize(cfg, size, insert=False):
    """Let the pipeline give images of a height and width."""
    pipeline = cfg[LOADER].dataset.pipeline
    pipeline[1:1 + (not insert)] = [
        dict(type='Resize', scale=size[::-1], keep_ratio=False)
    ]


def file_of(model, names, reverse):
    """A file that preprocesses by a formula of its own, in numpy."""
    part = Part(model, 'whole')
    kind = 'detector' if len(names) > 1 else 'segmentor or classifier'

    def run(images):
        assert images.dtype == np.uint8
        x = images[..., ::-1] if reverse else images
        x = (x - np.float32(MEAN)) / np.float32(STD)
        height, width = x.shape[1:3]
        x = np.pad(x, ((0, 0), (0, -height % 32), (0, -width % 32), (0, 0)))
        x = torch.tensor(x.transpose(0, 3, 1, 2), dtype=torch.float32)
        return [each.numpy() for each in part(x, (height, width))]

    shape = (None, None, None, 3)
    return Net(OnnxFile('image', True, shape, names, kind), run)


@pytest.mark.parametrize(
    'mode, size',
    [
        ('whole', (40, 72)),
        ('slide', (64, 96)),  # the crops of padded images are others
    ])
@torch.no_grad()
def test_segmentor(mode, size, tiny_seg):
    """The host takes off no padding that the file has taken off."""
    cfg, model = case(tiny_seg, size)
    model.test_cfg.update(mode=mode, crop_size=(32, 32), stride=(32, 32))
    twin = served(model, file_of(model, ('logits', ), False))
    batch = next(iter(loader_of(cfg, LOADER)))
    assert len(batch['inputs']) == 2
    for a, b in zip(model.test_step(batch), twin.test_step(batch)):
        torch.testing.assert_close(
            b.seg_logits.data, a.seg_logits.data, rtol=0, atol=1e-4)


@torch.no_grad()
def test_classifier(tiny_cls):
    cfg, model = case(tiny_cls, (32, 32))
    twin = served(model, file_of(model, ('logits', ), True))
    for batch in loader_of(cfg, LOADER):
        for a, b in zip(model.test_step(batch), twin.test_step(batch)):
            torch.testing.assert_close(b.pred_score, a.pred_score)


@torch.no_grad()
def test_detector(tiny_det):
    """Images of several sizes in a batch go in one by one, unpadded."""
    cfg, model = case(tiny_det, (50, 96))
    twin = served(model, file_of(model, OUTPUTS, True))
    cfg[LOADER].dataset.pipeline.pop(3)  # its own size
    small = loader_of(cfg, LOADER).dataset[0]
    resize(cfg, (70, 128))
    large = loader_of(cfg, LOADER).dataset[1]
    assert small['inputs'].shape != large['inputs'].shape
    found = twin.test_step({key: [small[key], large[key]] for key in small})
    for item, b in zip((small, large), found):
        a, = model.test_step({key: [value] for key, value in item.items()})
        assert b.metainfo['pad_shape'] == a.metainfo['pad_shape']
        a, b = a.pred_instances, b.pred_instances
        assert len(a) == len(b) > 0
        torch.testing.assert_close(b.bboxes, a.bboxes, rtol=0, atol=1e-3)
        assert a.labels.equal(b.labels)


@torch.no_grad()
def test_several_sizes_in_a_batch(tiny_seg):
    """mmseg stacks no images of several sizes; the file gets them alone."""
    cfg, model = case(tiny_seg, (40, 72))
    twin = served(model, file_of(model, ('logits', ), False))
    items = [loader_of(cfg, LOADER).dataset[0]]
    resize(cfg, (33, 64))
    items.append(loader_of(cfg, LOADER).dataset[1])
    found = twin.test_step(
        {key: [item[key] for item in items]
         for key in items[0]})
    for item, b in zip(items, found):
        a, = model.test_step({key: [value] for key, value in item.items()})
        torch.testing.assert_close(
            b.seg_logits.data, a.seg_logits.data, rtol=0, atol=1e-4)


def test_images_that_are_not_bytes(tiny_cls):
    cfg, model = case(tiny_cls, (32, 32))
    twin = served(model, file_of(model, ('logits', ), True))
    batch = next(iter(loader_of(cfg, LOADER)))
    batch['inputs'] = [x.float() for x in batch['inputs']]
    assert 'without --with-preprocessing' in sentence(twin.test_step, batch)
