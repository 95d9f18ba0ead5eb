# ResNet-18 of diverse branch blocks (DBB, Ding et al., CVPR 2021) on ImageNet,
# 120 epochs, as its authors train it. Not trained here.
#
# Paper: DBB, table 2, ResNet-18, DBB-Net: 70.99 % top-1.
# Paper: DyRep, table 3, ResNet-18, DBB: 70.99 % top-1.
#
# The authors' net has no norm behind a block, which ends in norms of its own.
# plain_r18_imagenet_own.py says how it is trained.
_base_ = './plain_r18_imagenet_own.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='DBBResNet', norm_behind=False))
