# Plain MobileNetV1 on ImageNet, 90 epochs, as DBB's authors train it. Not
# trained here.
#
# Paper: DBB, table 2, MobileNet, Original: 71.89 % top-1.
# Paper: DyRep, table 3, MobileNet, Origin: 71.89 % top-1.
#
# DBB's script: batches of 256 (here 8 x 32), SGD with momentum 0.9, a cosine
# from 0.1 without a warm-up, random crops and flips, no weight decay of the
# depthwise convolutions and their norms, biases at twice the rate. The epochs
# and a weight decay of 4e-5 are the paper's for MobileNet. Weights start as
# PyTorch's layers do, all gammas at 1.
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        _delete_=True, type='MobileNetV1', out_indices=(4, ), init_cfg=[]),
    head=dict(in_channels=1024, init_cfg=None))

# of the keys that are in a name the longest one counts
optim_wrapper = dict(
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(weight_decay=4e-5),
    paramwise_cfg=dict(
        custom_keys={
            '.bias': dict(lr_mult=2.),
            'depthwise': dict(decay_mult=0.),
            'depthwise.bn.bias': dict(lr_mult=2., decay_mult=0.)
        }))
train_cfg = dict(max_epochs=90)
param_scheduler = dict(
    _delete_=True,
    type='CosineAnnealingLR',
    T_max=90,
    by_epoch=True,
    convert_to_iter_based=True)
