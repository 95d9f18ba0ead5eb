# ResNet-34 of diverse branch blocks (DBB, Ding et al., CVPR 2021) on ImageNet,
# 120 epochs. Not trained here.
#
# Paper: OREPA, table 4, ResNet-34, DBB: 74.83 % top-1.
#
# No norm stands behind a block, as in DBB's and OREPA's code.
#
# DyRep's paper reports 74.33 % for it, with the settings of
# dyrep_r34_imagenet.py.
_base_ = './plain_r34_imagenet.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='DBBResNet', norm_behind=False))
