# A convolution and its norm, no branch beside it: what the other blocks are
# compared with in INT8 (docs/int8.md). No paper's setting.
_base_ = './_base_/pspnet_a0_shapes.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(conv_cfg=dict(type='RepVGGConv2d', branches=())))
