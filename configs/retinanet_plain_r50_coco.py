# RetinaNet with FPN on COCO 2017, 12 epochs, with a plain ResNet-50. Not
# trained here.
#
# Paper: OREPA, table 5, RetinaNet, None: 36.2 AP.
_base_ = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'
