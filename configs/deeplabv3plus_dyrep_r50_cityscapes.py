# DeepLabV3+ on Cityscapes, 40k steps of 512x1024, with a ResNet-50 that
# evolves while it trains (DyRep, Huang et al., CVPR 2022). Not trained here.
#
# Paper: no row; compare with the others here.
#
# pspnet_dyrep_r50_cityscapes.py says when it evolves.
_base_ = './deeplabv3plus_plain_r50_cityscapes.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

custom_hooks = [dict(type='DyRepHook')]
