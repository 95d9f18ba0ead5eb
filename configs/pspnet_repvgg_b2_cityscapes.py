# PSPNet of RepVGG-B2 on Cityscapes (Ding et al., CVPR 2021), 40 epochs of
# 713x713. Not trained here.
#
# Paper: RepVGG, table 8, RepVGG-B2: 80.57 mIoU.
_base_ = './pspnet_repvgg_b1g2_cityscapes.py'

model = dict(
    backbone=dict(arch='B2'),
    decode_head=dict(in_channels=2560),
    auxiliary_head=dict(in_channels=640))
