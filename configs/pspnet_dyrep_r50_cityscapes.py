# PSPNet on Cityscapes, 40k steps of 512x1024, with a ResNet-50 that evolves
# while it trains (DyRep, Huang et al., CVPR 2022). Not trained here.
#
# Paper: DyRep, table 5, ResNet-50, DyRep, D, Cityscapes: 78.09 mIoU.
#
# The paper does not say how a segmentor is trained nor how often it evolves.
# The schedule is the base's, to which mmseg's model zoo gives 77.85, too; the
# events are the hook's default, 20 in the first five sixths of the training.
# Its metric is the hook's, snip: the norms train here, so the paper's synflow
# would say nothing (docs/dyrep.md).
_base_ = './pspnet_plain_r50_cityscapes.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

custom_hooks = [dict(type='DyRepHook')]
