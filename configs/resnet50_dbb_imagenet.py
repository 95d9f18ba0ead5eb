# The same with ResNet-50: OREPA's paper reports 76.89 % (76.70 % plain). Not
# trained here.
_base_ = './resnet18_dbb_imagenet.py'
model = dict(backbone=dict(depth=50), head=dict(in_channels=2048))
