# What `make_shapes.py data/shapes_hard --hard --size 64` writes, in COCO's
# layout. A run loads its images itself: it is one process.
_base_ = '../../_base_/datasets/shapes_detection.py'

data_root = 'data/shapes_hard/coco'
metainfo = dict(
    classes=('circle', 'square', 'triangle', 'star', 'cross', 'drop'),
    palette=[(228, 87, 86), (76, 120, 168), (84, 162, 75), (242, 193, 78),
             (140, 86, 175), (23, 178, 194)])
dataset = dict(data_root=data_root, metainfo=metainfo)
train_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dataset)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dataset)
test_dataloader = val_dataloader

val_evaluator = dict(ann_file=f'{data_root}/annotations/instances_val.json')
test_evaluator = val_evaluator
