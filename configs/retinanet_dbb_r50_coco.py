# RetinaNet with FPN on COCO 2017, 12 epochs, with a ResNet-50 of diverse
# branch blocks (DBB, Ding et al., CVPR 2021). Not trained here.
#
# Paper: OREPA, table 5, RetinaNet, DBB: 36.6 AP.
#
# The paper starts from such a backbone trained on ImageNet: README.md in this
# folder says how to make one. Without one this net starts from torchvision's
# plain ResNet-50 and computes the same function at step 0.
_base_ = './retinanet_plain_r50_coco.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='DBBResNet'))
