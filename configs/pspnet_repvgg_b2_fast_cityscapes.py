# PSPNet of RepVGG-B2 on Cityscapes (Ding et al., CVPR 2021), 40 epochs of
# 713x713: only the last five layers are dilated, four of the third stage and
# the one of the fourth. Not trained here.
#
# Paper: RepVGG, table 8, RepVGG-B2-fast: 79.52 mIoU.
_base_ = './pspnet_repvgg_b2_cityscapes.py'

model = dict(backbone=dict(dilations=(1, 1, (2, 2, 2, 2), 4)))
