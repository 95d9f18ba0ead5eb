# ResNet-18 on ImageNet, 120 epochs, with DBB (Ding et al., CVPR 2021): the row
# "ResNet-18, DBB" of table 4 of OREPA's paper (Hu et al., CVPR 2022), which
# trains it as OREPA and reports 71.77 % (71.21 % plain). Not trained here.
_base_ = './resnet18_orepa_imagenet.py'
model = dict(backbone=dict(type='DBBResNet'))
