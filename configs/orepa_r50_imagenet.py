# ResNet-50 of OREPA blocks (Hu et al., CVPR 2022) on ImageNet, 120 epochs. Not
# trained here.
#
# Paper: OREPA, table 4, ResNet-50, OREPA: 77.31 % top-1.
_base_ = './plain_r50_imagenet.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='OREPAResNet'))
