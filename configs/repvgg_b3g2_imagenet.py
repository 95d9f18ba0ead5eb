# RepVGG-B3g2 (Ding et al., CVPR 2021) on ImageNet, 200 epochs. Not trained
# here.
#
# Paper: no row; compare with the others here.
_base_ = './repvgg_b3_imagenet.py'

model = dict(backbone=dict(arch='B3g2'))
