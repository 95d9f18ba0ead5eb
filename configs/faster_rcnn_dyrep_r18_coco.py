# Faster R-CNN with FPN on COCO 2017, 12 epochs, with a ResNet-18 that evolves
# while it trains (DyRep, Huang et al., CVPR 2022). Not trained here.
#
# Paper: no row; compare with the others here.
#
# faster_rcnn_dyrep_r50_coco.py says more.
_base_ = './faster_rcnn_plain_r18_coco.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

custom_hooks = [dict(type='DyRepHook')]
