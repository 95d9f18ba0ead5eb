# Plain ResNet-50 on ImageNet, 120 epochs, as DBB's authors train it. Not
# trained here.
#
# Paper: DBB, table 2, ResNet-50, Original: 76.14 % top-1.
# Paper: DyRep, table 3, ResNet-50, Origin: 76.14 % top-1.
#
# plain_r18_imagenet_own.py says how.
_base_ = './plain_r18_imagenet_own.py'

model = dict(backbone=dict(depth=50), head=dict(in_channels=2048))
