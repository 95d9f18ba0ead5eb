# Plain ResNet-50 on ImageNet, 120 epochs. Not trained here.
#
# Paper: OREPA, table 4, ResNet-50, None: 76.70 % top-1.
#
# DBB's and DyRep's papers report 76.14 % for it, with the settings of
# plain_r50_imagenet_own.py and dyrep_r50_imagenet.py.
_base_ = './plain_r18_imagenet.py'

model = dict(backbone=dict(depth=50), head=dict(in_channels=2048))
