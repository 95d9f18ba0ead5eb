# The same with ResNet-50: the paper reports 77.31 % (76.70 % plain, 76.89 %
# with DBB). Not trained here.
_base_ = './resnet18_orepa_imagenet.py'
model = dict(backbone=dict(depth=50), head=dict(in_channels=2048))
