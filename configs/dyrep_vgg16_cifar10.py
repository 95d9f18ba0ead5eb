# VGG-16 that evolves while it trains (DyRep, Huang et al., CVPR 2022) on
# CIFAR-10, 600 epochs. Not trained here.
#
# Paper: DyRep, table 2, CIFAR-10, DyRep: 95.22 % top-1.
#
# An event every 15 epochs up to the 500th, statistics of new norms from 20
# batches, as in the authors' code. The metric is the hook's, snip (94.97 % in
# table 10, where synflow has 95.22 %): the norms train here, so synflow would
# say nothing of the kernels (docs/dyrep.md).
_base_ = './plain_vgg16_cifar10.py'

custom_hooks = [
    dict(type='DyRepHook', interval=15, stop=500, calibration_batches=20)
]
