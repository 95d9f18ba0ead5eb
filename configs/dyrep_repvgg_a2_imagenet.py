# RepVGG-A2 that evolves while it trains (DyRep, Huang et al., CVPR 2022) on
# ImageNet, 120 epochs. Not trained here.
#
# Paper: DyRep, table 4, DyRep-A2: 76.91 % top-1.
#
# The settings are those of the authors' code: batches of 8 x 32, SGD with
# nesterov momentum 0.9, weight decay 1e-4 on all but norms and biases, a
# cosine from 0.1 to 1e-7, crops and flips. It begins with RepVGG's blocks.
# Their kxk kernels grow, and what has grown in them grows once more, so that
# blocks are three deep. An event comes every 5 epochs up to the 100th, and
# measures the statistics of new norms on 20 batches; after each other epoch
# the hook measures those of all norms anew on 200 batches.
#
# These things differ: the authors' blocks begin as timm's, with normal kernels
# of the standard deviation sqrt(2 / (k^2 out_channels)) and gammas and betas
# near 0.1 and 0 at random, while these begin as those of RepVGG's authors; the
# hook may cut RepVGG's own branches, too, where they do next to nothing; and
# its metric is snip, as in dyrep_r18_imagenet.py. Plain RepVGG-A2 has 76.48 %.
_base_ = 'mmpretrain::repvgg/repvgg-A0_8xb32_in1k.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        _delete_=True, type='RepVGGBackbone', arch='A2', out_indices=(3, )),
    head=dict(in_channels=1408))

optim_wrapper = dict(
    constructor='GroupedOptimWrapperConstructor',
    optimizer=dict(nesterov=True),
    paramwise_cfg=dict(_delete_=True, norm_decay_mult=0., bias_decay_mult=0.))
param_scheduler = dict(eta_min=1e-7)

custom_hooks = [
    dict(
        type='DyRepHook',
        interval=5,
        stop=100,
        max_depth=3,
        calibration_batches=20,
        recalibrate=200)
]
