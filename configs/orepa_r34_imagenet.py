# ResNet-34 of OREPA blocks (Hu et al., CVPR 2022) on ImageNet, 120 epochs. Not
# trained here.
#
# Paper: OREPA, table 4, ResNet-34, OREPA: 75.04 % top-1.
_base_ = './plain_r34_imagenet.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='OREPAResNet'))
