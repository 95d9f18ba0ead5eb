# RepVGG-A0 with an OREPA block as its 3x3 (OREPA-VGG, Hu et al., CVPR 2022) on
# ImageNet, 120 epochs. Not trained here.
#
# Paper: OREPA, table 4, RepVGG-A0, OREPA: 73.04 % top-1.
#
# Settings as there: the paper trains all nets alike.
_base_ = './plain_r18_imagenet.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(
    backbone=dict(
        _delete_=True, type='OREPAVGGBackbone', arch='A0', out_indices=(3, )),
    head=dict(in_channels=1280))
