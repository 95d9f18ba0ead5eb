# DeepLabV3+ on Cityscapes, 40k steps of 512x1024, with a plain ResNet-18. Not
# trained here.
#
# Paper: no row; compare with the others here.
#
# The heads are as narrow as those of mmseg's ResNet-18.
_base_ = './deeplabv3plus_plain_r50_cityscapes.py'

model = dict(
    backbone=dict(
        depth=18, init_cfg=dict(checkpoint='torchvision://resnet18')),
    decode_head=dict(
        c1_in_channels=64, c1_channels=12, in_channels=512, channels=128),
    auxiliary_head=dict(in_channels=256, channels=64))
