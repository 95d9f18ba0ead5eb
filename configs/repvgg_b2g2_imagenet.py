# RepVGG-B2g2 (Ding et al., CVPR 2021) on ImageNet, 120 epochs. Not trained
# here.
#
# Paper: no row; compare with the others here.
_base_ = './repvgg_a0_imagenet.py'

model = dict(backbone=dict(arch='B2g2'), head=dict(in_channels=2560))
