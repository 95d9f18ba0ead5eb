# Plain AlexNet with norms on ImageNet, 120 epochs, as DBB's authors train it.
# Not trained here.
#
# Paper: DBB, table 2, AlexNet, Original: 57.23 % top-1.
#
# DBB's script: batches of 256 (here 8 x 32), SGD with momentum 0.9, a cosine
# from 0.1 without a warm-up, weight decay 1e-4 of everything, biases at twice
# the rate, random crops and flips. It has no AlexNet among its models, which a
# file beside it defines: that it trains for the script's 120 epochs is ours.
# Weights start as PyTorch's layers do, all gammas at 1.
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        _delete_=True, type='AlexNetBN', num_classes=1000, init_cfg=[]),
    neck=None,
    head=dict(
        _delete_=True,
        type='ClsHead',
        loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        topk=(1, 5)))

optim_wrapper = dict(
    constructor='GroupedOptimWrapperConstructor',
    paramwise_cfg=dict(custom_keys={'.bias': dict(lr_mult=2.)}))
train_cfg = dict(max_epochs=120)
param_scheduler = dict(
    _delete_=True,
    type='CosineAnnealingLR',
    T_max=120,
    by_epoch=True,
    convert_to_iter_based=True)
