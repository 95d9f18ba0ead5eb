# RepVGG-A2 with an OREPA block as its 3x3 (OREPA-VGG, Hu et al., CVPR 2022) on
# ImageNet, 120 epochs. Not trained here.
#
# Paper: OREPA, table 4, RepVGG-A2, OREPA: 76.72 % top-1.
_base_ = './orepavgg_a0_imagenet.py'

model = dict(backbone=dict(arch='A2'), head=dict(in_channels=1408))
