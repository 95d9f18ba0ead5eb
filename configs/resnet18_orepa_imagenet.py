# ResNet-18 on ImageNet, 120 epochs, of OREPA (Hu et al., CVPR 2022): the row
# "ResNet-18, OREPA" of its table 4, where the paper reports 72.13 % (71.21 %
# plain, 71.77 % with DBB). Not trained here.
#
# Batches of 8 x 32 (the paper's 256 are 4 x 64), SGD with momentum 0.9, a
# cosine from 0.1 after 5 epochs of linear warm-up. Weight decay 1e-4 is the
# base's and 0.001, where the warm-up starts, ours: the paper names neither.
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='OREPAResNet'))

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
