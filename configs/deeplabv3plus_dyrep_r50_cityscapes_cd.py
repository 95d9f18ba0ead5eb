# DeepLabV3+ on Cityscapes, 40k steps of 512x1024, with a ResNet-50 that
# evolved on ImageNet and goes on (DyRep, Huang et al., CVPR 2022). Not trained
# here.
#
# Paper: no row; compare with the others here.
#
# faster_rcnn_dyrep_r50_coco_cd.py says where its checkpoint comes from.
_base_ = './deeplabv3plus_dyrep_r50_cityscapes.py'

init_cfg = dict(
    checkpoint='checkpoints/dyrep_r50_imagenet.pth', prefix='backbone.')
model = dict(backbone=dict(init_cfg=init_cfg))
