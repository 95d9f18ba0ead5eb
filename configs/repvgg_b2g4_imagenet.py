# RepVGG-B2g4 (Ding et al., CVPR 2021) on ImageNet, 120 epochs. Not trained
# here.
#
# Paper: RepVGG, table 4, RepVGG-B2g4: 78.50 % top-1.
#
# With the 200 epochs of repvgg_b3_imagenet.py the paper reports 79.38 %
# (table 5).
_base_ = './repvgg_a0_imagenet.py'

model = dict(backbone=dict(arch='B2g4'), head=dict(in_channels=2560))
