# ResNet-101 of diverse branch blocks (DBB, Ding et al., CVPR 2021) on
# ImageNet, 120 epochs. Not trained here.
#
# Paper: OREPA, table 4, ResNet-101, DBB: 78.02 % top-1.
#
# No norm stands behind a block, as in DBB's and OREPA's code.
_base_ = './plain_r101_imagenet.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='DBBResNet', norm_behind=False))
