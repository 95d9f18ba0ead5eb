# PSPNet on Cityscapes, 40k steps of 512x1024, with a ResNet-50 of OREPA blocks
# (Hu et al., CVPR 2022). Not trained here.
#
# Paper: OREPA, table 5, PSPNet, OREPA: 75.47 mIoU.
#
# The paper starts from such a backbone trained on ImageNet: README.md in this
# folder says how to make one. Without one this net starts from torchvision's
# plain ResNet-50 and computes the same function at step 0.
#
# The authors of OREPA advise to adjust the learning rate of the stem
# downstream: its three linear layers, trained on ImageNet, have weights of
# another scale than a plain stem's, and begin at five times that scale. A
# tenth is ours, since the authors name no factor.
_base_ = './pspnet_plain_r50_cityscapes.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='OREPAResNet'))

optim_wrapper = dict(
    constructor='GroupedOptimWrapperConstructor',
    paramwise_cfg=dict(custom_keys={'backbone.conv1': dict(lr_mult=0.1)}))
