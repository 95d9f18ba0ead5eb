# What `python tools/make_shapes.py data/shapes_hard --hard` writes, in COCO's
# layout. A run loads its images itself: it is one process.
_base_ = '../../_base_/datasets/shapes_detection.py'

data_root = 'data/shapes_hard/coco'
metainfo = dict(
    classes=('circle', 'square', 'triangle', 'star', 'cross', 'drop'),
    palette=[(228, 87, 86), (76, 120, 168), (84, 162, 75), (242, 193, 78),
             (140, 86, 175), (23, 178, 194)])
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(64, 64), keep_ratio=True),
    dict(
        type='RandomFlip',
        prob=0.75,
        direction=['horizontal', 'vertical', 'diagonal']),
    dict(type='PackDetInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64), keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape',
                   'scale_factor'))
]
dataset = dict(data_root=data_root, metainfo=metainfo)
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(pipeline=train_pipeline, **dataset))
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(pipeline=test_pipeline, **dataset))
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=f'{data_root}/annotations/instances_val.json')
test_evaluator = val_evaluator
