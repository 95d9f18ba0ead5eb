# VGG-16 that evolves while it trains (DyRep, Huang et al., CVPR 2022) on
# CIFAR-100, 600 epochs. Not trained here.
#
# Paper: DyRep, table 2, CIFAR-100, DyRep: 74.37 % top-1.
#
# The events and the metric are those of dyrep_vgg16_cifar10.py.
_base_ = './plain_vgg16_cifar100.py'

custom_hooks = [
    dict(type='DyRepHook', interval=15, stop=500, calibration_batches=20)
]
