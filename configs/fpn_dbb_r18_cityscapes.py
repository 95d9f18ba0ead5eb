# Semantic FPN on Cityscapes, 40k steps of 512x1024, with a ResNet-18 of
# diverse branch blocks (DBB, Ding et al., CVPR 2021). Not trained here.
#
# Paper: no row; compare with the others here.
#
# fpn_dbb_r50_cityscapes.py says more.
_base_ = './fpn_plain_r18_cityscapes.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='DBBResNet'))
