# The same with ResNet-50: the paper reports 77.08 % (76.14 % plain, 76.71 %
# with DBB). Not trained here.
_base_ = './resnet18_dyrep_imagenet.py'
model = dict(backbone=dict(depth=50), head=dict(in_channels=2048))
