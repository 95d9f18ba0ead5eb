# Plain ResNet-18 on ImageNet, 120 epochs, as DBB's authors train it. Not
# trained here.
#
# Paper: DBB, table 2, ResNet-18, Original: 69.54 % top-1.
# Paper: DyRep, table 3, ResNet-18, Origin: 69.54 % top-1.
#
# The script of DBB's authors: batches of 256 (here 8 x 32), SGD with momentum
# 0.9, a cosine from 0.1 without a warm-up, weight decay 1e-4 of everything,
# biases at twice the rate, random crops and flips, torchvision's colour jitter
# with a hue of 0.4 and without contrast, and AlexNet's lighting noise. Weights
# start as PyTorch's layers do, all gammas at 1.
#
# The noise is that of their script: eigenvalues of pixels up to 255 instead of
# 1, blue first as images are here. It is added to floating point numbers, as
# which `Normalize` leaves the pixels: whole ones up to 255 would wrap around.
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(
    backbone=dict(zero_init_residual=False, init_cfg=[]),
    head=dict(init_cfg=None))

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=224, backend='pillow'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='NumpyToPIL', to_rgb=True),
    dict(
        type='torchvision/ColorJitter',
        brightness=0.4,
        saturation=0.4,
        hue=0.4),
    dict(type='PILToNumpy', to_bgr=True),
    dict(type='Normalize', mean=[0, 0, 0], std=[1, 1, 1], to_rgb=False),
    dict(
        type='Lighting',
        eigval=[55.4625, 4.794, 1.1475],
        eigvec=[[-0.5836, -0.6948, 0.4203], [-0.5808, -0.0045, -0.8140],
                [-0.5675, 0.7192, 0.4009]],
        alphastd=0.1),
    dict(type='PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

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
