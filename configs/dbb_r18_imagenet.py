# ResNet-18 of diverse branch blocks (DBB, Ding et al., CVPR 2021) on ImageNet,
# 120 epochs. Not trained here.
#
# Paper: OREPA, table 4, ResNet-18, DBB: 71.77 % top-1.
#
# No norm stands behind a block, as in DBB's and OREPA's code. DBB's own paper
# reports 70.99 %, with the settings of dbb_r18_imagenet_own.py.
_base_ = './plain_r18_imagenet.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='DBBResNet', norm_behind=False))
