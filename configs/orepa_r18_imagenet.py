# ResNet-18 of OREPA blocks (Hu et al., CVPR 2022) on ImageNet, 120 epochs. Not
# trained here.
#
# Paper: OREPA, table 4, ResNet-18, OREPA: 72.13 % top-1.
_base_ = './plain_r18_imagenet.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='OREPAResNet'))
