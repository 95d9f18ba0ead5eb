# Plain ResNet-18 on ImageNet, 120 epochs. Not trained here.
#
# Paper: OREPA, table 4, ResNet-18, None: 71.21 % top-1.
#
# The recipe of OREPA's paper: batches of 256 (here 8 x 32, there 4 x 64), SGD
# with momentum 0.9, a cosine from 0.1 after 5 epochs of linear warm-up, random
# crops and flips. Weight decay 1e-4 is the base's and 0.001, where the warm-up
# starts, ours: the paper names neither.
#
# DyRep's paper reports 69.54 % for it, with the settings of
# dyrep_r18_imagenet.py.
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'

train_cfg = dict(max_epochs=120)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.001,
        by_epoch=True,
        end=5,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=115,
        by_epoch=True,
        begin=5,
        end=120,
        convert_to_iter_based=True)
]
