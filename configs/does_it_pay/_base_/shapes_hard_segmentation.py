# What `python tools/make_shapes.py data/shapes_hard --hard` writes, in
# Cityscapes' layout. A run loads its images itself: it is one process.
_base_ = '../../_base_/datasets/shapes_segmentation.py'

metainfo = dict(
    classes=('background', 'circle', 'square', 'triangle', 'star', 'cross',
             'drop'),
    palette=[[40, 40, 40], [228, 87, 86], [76, 120, 168], [84, 162, 75],
             [242, 193, 78], [140, 86, 175], [23, 178, 194]])
dataset = dict(data_root='data/shapes_hard/cityscapes', metainfo=metainfo)
train_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dataset)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dataset)
test_dataloader = val_dataloader
