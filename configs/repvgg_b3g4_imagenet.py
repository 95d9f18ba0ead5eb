# RepVGG-B3g4 (Ding et al., CVPR 2021) on ImageNet, 200 epochs. Not trained
# here.
#
# Paper: RepVGG, table 5, RepVGG-B3g4: 80.21 % top-1.
_base_ = './repvgg_b3_imagenet.py'

model = dict(backbone=dict(arch='B3g4'))
