# ResNet-18 of diverse branch blocks (DBB, Ding et al., CVPR 2021) on ImageNet,
# 120 epochs. Not trained here.
#
# Paper: OREPA, table 4, ResNet-18, DBB: 71.77 % top-1.
#
# DyRep's paper reports 70.99 % for it, with the settings of
# dyrep_r18_imagenet.py.
_base_ = './plain_r18_imagenet.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='DBBResNet'))
