# RepVGG-A0 (Ding et al., CVPR 2021) on ImageNet, 120 epochs. Not trained here.
#
# Paper: RepVGG, table 4, RepVGG-A0: 72.41 % top-1.
#
# The paper's settings for all nets up to B2: batches of 8 x 32, SGD with
# momentum 0.9, a cosine from 0.1, random crops and flips; weight decay 1e-4 on
# the kernels of convolutions and of the classifier and, as the authors advise
# beside their code, on the gamma of the identity. That code, which is newer,
# takes Nesterov's momentum. The classifier starts as PyTorch's.
_base_ = 'mmpretrain::repvgg/repvgg-A0_8xb32_in1k.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        _delete_=True, type='RepVGGBackbone', arch='A0', out_indices=(3, )),
    head=dict(init_cfg=None))

optim_wrapper = dict(
    constructor='GroupedOptimWrapperConstructor',
    paramwise_cfg=dict(
        _delete_=True,
        norm_decay_mult=0.,
        bias_decay_mult=0.,
        custom_keys={'identity.norm.weight': dict(decay_mult=1.)}))
