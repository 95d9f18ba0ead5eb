# Plain ResNet-18 on ImageNet, 120 epochs. Not trained here.
#
# Paper: OREPA, table 4, ResNet-18, None: 71.21 % top-1.
#
# The recipe of OREPA's paper and script: batches of 256 (here 8 x 32, there
# 4 x 64), SGD with momentum 0.9, a cosine from 0.1 after 5 epochs of linear
# warm-up (the script's 5 are iterations), random crops and flips. The script
# decays weights by 1e-4, norms and biases not at all; biases learn twice as
# fast. The warm-up starts at a thousandth; the script's starts at zero,
# which LinearLR refuses. As there, all gammas start at 1, and what is plain,
# convolutions and classifier, as PyTorch's.
#
# DBB's and DyRep's papers report 69.54 % for it, with the settings of
# plain_r18_imagenet_own.py and dyrep_r18_imagenet.py.
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(
    backbone=dict(zero_init_residual=False, init_cfg=[]),
    head=dict(init_cfg=None))

# what is most special is looked up first: the gamma of an identity branch
# decays, only OREPA-VGG has it
optim_wrapper = dict(
    constructor='GroupedOptimWrapperConstructor',
    paramwise_cfg=dict(
        norm_decay_mult=0.,
        custom_keys={
            '.bias': dict(lr_mult=2., decay_mult=0.),
            'identity.norm.weight': dict(decay_mult=1.)
        }))
train_cfg = dict(max_epochs=120)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.001,
        by_epoch=True,
        end=5,
        convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR',
        T_max=115,
        by_epoch=True,
        begin=5,
        end=120,
        convert_to_iter_based=True)
]
