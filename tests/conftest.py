"""Tiny datasets and configs that several test files share."""
import importlib.util
import json
import socket
from pathlib import Path
from textwrap import dedent

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import MODELS

from .forking import forget_runners
from .properties.over import ran
from .savings import pass_by_imports, spare

ROOT = Path(__file__).parents[1]
HEIGHT, WIDTH = 32, 64

# on tiny tensors, and on cores that others use, threads wait for each other
# several times longer than they compute
torch.set_num_threads(1)
spare()

COMMON = '''
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)
default_scope = '{scope}'
backbone = dict(
    type='{backbone}',
    depth=18,
    base_channels=8,
    norm_cfg=dict(type='BN'),
    norm_eval=False,
    frozen_stages=-1,
    init_cfg=None)
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2, val_interval=1000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4))
param_scheduler = dict(type='PolyLR', power=0.9, end=10, by_epoch=False)
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2))
log_processor = dict(by_epoch=False, window_size=1)
randomness = dict(seed=0)
loader = dict(batch_size=2, num_workers=0)
shuffled = dict(type='InfiniteSampler')
in_order = dict(type='DefaultSampler', shuffle=False)
'''

SEG = '''
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', size=({h}, {w})),
    backbone=backbone,
    decode_head=dict(
        type='FCNHead',
        in_channels=64,
        channels=8,
        num_convs=1,
        num_classes=19,
        dropout_ratio=0.,
        norm_cfg=dict(type='BN')),
    test_cfg=dict(mode='whole'))
dataset = dict(
    type='CityscapesDataset',
    data_root='{data}',
    data_prefix=dict(
        img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
    pipeline=[
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations'),
        dict(type='PackSegInputs')
    ])
train_dataloader = dict(dataset=dataset, sampler=shuffled, **loader)
val_dataloader = dict(dataset=dataset, sampler=in_order, **loader)
test_dataloader = val_dataloader
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
'''

DET = '''
_base_ = 'mmdet::_base_/models/retinanet_r50_fpn.py'
model = dict(
    backbone=dict(_delete_=True, **backbone),
    neck=dict(in_channels=[8, 16, 32, 64], out_channels=16),
    bbox_head=dict(
        num_classes=2, in_channels=16, feat_channels=16, stacked_convs=1))
dataset = dict(
    type='CocoDataset',
    data_root='{data}',
    ann_file='train.json',
    data_prefix=dict(img='images'),
    metainfo=dict(classes=('square', 'disc')),
    pipeline=[
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations', with_bbox=True),
        dict(type='Resize', scale=({w}, {h}), keep_ratio=True),
        dict(
            type='PackDetInputs',
            meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape',
                       'scale_factor'))
    ])
train_dataloader = dict(dataset=dataset, sampler=shuffled, **loader)
val_dataloader = dict(
    dataset=dict(test_mode=True, **dataset), sampler=in_order, **loader)
test_dataloader = val_dataloader
val_evaluator = dict(
    type='CocoMetric', ann_file='{data}/train.json', metric='bbox')
test_evaluator = val_evaluator
'''

CLS = '''
model = dict(
    type='ImageClassifier',
    backbone=backbone,
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=2,
        in_channels=64,
        loss=dict(type='CrossEntropyLoss')))
data_preprocessor = dict(num_classes=2, to_rgb=True)
dataset = dict(
    type='CustomDataset',
    data_root='{data}',
    pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')])
train_dataloader = dict(dataset=dataset, sampler=shuffled, **loader)
val_dataloader = dict(dataset=dataset, sampler=in_order, **loader)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=1)
test_evaluator = val_evaluator
'''


def rich_backbone():
    """Return mmrep's backbone, or the plain one while there is none."""
    import mmrep  # noqa: F401
    return 'OREPAResNet' if MODELS.get('OREPAResNet') else 'ResNet'


def write_config(path, body, scope, data, backbone=None):
    """Write a tiny config and return its path as a string."""
    common = COMMON.format(scope=scope, backbone=backbone or rich_backbone())
    body = dedent(body).format(h=HEIGHT, w=WIDTH, data=data)
    path.write_text(common + body)
    return str(path)


def _scene(seed):
    """Draw one textured square and one disc, with their label map."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 120, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    x = int(rng.integers(2, 12))
    boxes = [(x, 6, 18, 18), (x + 30, 8, 16, 16)]
    for label, (left, top, w, h) in enumerate(boxes, start=1):
        mask = np.zeros_like(labels)
        if label == 1:
            mask[top:top + h, left:left + w] = 1
        else:
            cv2.circle(mask, (left + w // 2, top + h // 2), w // 2, 1, -1)
        labels[mask > 0] = label
        image[mask > 0] += np.uint8(60 * label)
    return image, labels, boxes


@pytest.fixture(scope='session')
def tiny_seg(tmp_path_factory):
    """Path of a config: FCN on four Cityscapes-style images."""
    data = tmp_path_factory.mktemp('seg')
    for kind in ('leftImg8bit', 'gtFine'):
        (data / kind / 'train' / 'town').mkdir(parents=True)
    for i in range(4):
        image, labels, _ = _scene(i)
        for kind, suffix, array in (('leftImg8bit', 'leftImg8bit', image),
                                    ('gtFine', 'gtFine_labelTrainIds',
                                     labels)):
            name = f'town_{i}_{suffix}.png'
            cv2.imwrite(str(data / kind / 'train' / 'town' / name), array)
    return write_config(data / 'tiny_seg.py', SEG, 'mmseg', data)


@pytest.fixture(scope='session')
def tiny_det(tmp_path_factory):
    """Path of a config: RetinaNet on four images in COCO format."""
    data = tmp_path_factory.mktemp('det')
    (data / 'images').mkdir()
    images, annotations = [], []
    for i in range(4):
        image, _, boxes = _scene(i)
        cv2.imwrite(str(data / 'images' / f'{i}.png'), image)
        images.append(
            dict(id=i, file_name=f'{i}.png', height=HEIGHT, width=WIDTH))
        annotations += [
            dict(
                id=2 * i + k,
                image_id=i,
                category_id=k,
                bbox=box,
                area=box[2] * box[3],
                iscrowd=0) for k, box in enumerate(boxes, start=1)
        ]
    categories = [dict(id=1, name='square'), dict(id=2, name='disc')]
    (data / 'train.json').write_text(
        json.dumps(
            dict(
                images=images, annotations=annotations,
                categories=categories)))
    return write_config(data / 'tiny_det.py', DET, 'mmdet', data)


@pytest.fixture(scope='session')
def tiny_cls(tmp_path_factory):
    """Path of a config: a classifier of left and right halves of scenes."""
    data = tmp_path_factory.mktemp('cls')
    for name, part in (('square', slice(0, 32)), ('disc', slice(32, 64))):
        (data / 'images' / name).mkdir(parents=True)
        for i in range(4):
            image = _scene(i)[0][:, part]
            cv2.imwrite(str(data / 'images' / name / f'{i}.png'), image)
    return write_config(data / 'tiny_cls.py', CLS, 'mmpretrain',
                        data / 'images')


@pytest.fixture(scope='session')
def goldens():
    """Folder of the recorded networks and blocks."""
    shared = ROOT.parent / 'shared' / 'goldens'
    return shared if shared.is_dir() else ROOT / 'tests' / 'data' / 'goldens'


@pytest.fixture(scope='session')
def load_tool():
    """Return a function that imports ``tools/<name>.py`` as a module.

    As in a process of its own it finds the modules beside it and no Runner's
    loggers.
    """

    def load(name):
        forget_runners()
        spec = importlib.util.spec_from_file_location(
            f'tool_{name}', ROOT / 'tools' / f'{name}.py')
        module = importlib.util.module_from_spec(spec)
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(ROOT / 'tools'))
            spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def built(monkeypatch):
    """The classifiers of mmpretrain that are built, in order."""
    from mmpretrain.models import ImageClassifier
    made, build = [], ImageClassifier.__init__

    def noted(self, *args, **kwargs):
        made.append(self)
        build(self, *args, **kwargs)

    monkeypatch.setattr(ImageClassifier, '__init__', noted)
    return made


@pytest.fixture
def free_port():
    """Return a port for processes that are to find each other."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return str(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def fresh_hosts():
    """Leave no Runner's loggers to the next test, nor imports to search."""
    yield
    forget_runners()
    pass_by_imports()


def pytest_sessionfinish(session):
    """Hand the counts of drawn cases to the process that reports."""
    if hasattr(session.config, 'workeroutput'):
        session.config.workeroutput['ran'] = dict(ran)


class Counts:
    """Collects them from the processes of pytest-xdist, if it is there."""

    @staticmethod
    def pytest_testnodedown(node):
        ran.update(getattr(node, 'workeroutput', {}).get('ran', {}))


def pytest_configure(config):
    if config.pluginmanager.hasplugin('dsession'):
        config.pluginmanager.register(Counts())


def pytest_terminal_summary(terminalreporter):
    """Tell how many drawn cases ran."""
    if ran:
        terminalreporter.write_line(
            f'properties: {sum(ran.values())} cases of {len(ran)} tests')
