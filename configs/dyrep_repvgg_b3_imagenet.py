# RepVGG-B3 that evolves while it trains (DyRep, Huang et al., CVPR 2022) on
# ImageNet, 200 epochs. Not trained here.
#
# Paper: DyRep, table 4, DyRep-B3: 81.12 % top-1.
#
# Plain RepVGG-B3 has 80.52 %.
_base_ = './dyrep_repvgg_b2g4_imagenet.py'

model = dict(backbone=dict(arch='B3'))
