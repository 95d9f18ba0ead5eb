# Semantic FPN on Cityscapes, 40k steps of 512x1024, with a ResNet-18 that
# evolves while it trains (DyRep, Huang et al., CVPR 2022). Not trained here.
#
# Paper: no row; compare with the others here.
#
# fpn_dyrep_r50_cityscapes.py says more.
_base_ = './fpn_plain_r18_cityscapes.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

custom_hooks = [dict(type='DyRepHook')]
