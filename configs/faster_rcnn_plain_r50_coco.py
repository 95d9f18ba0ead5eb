# Faster R-CNN with FPN on COCO 2017, 12 epochs, with a plain ResNet-50. Not
# trained here.
#
# Paper: OREPA, table 5, Faster-RCNN, None: 36.5 AP.
# Paper: DyRep, table 5, ResNet-50, no Rep, COCO: 37.4 AP.
_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
