# RetinaNet on COCO 2017, 12 epochs, whose backbone evolves while it trains
# (DyRep, Huang et al., CVPR 2022). The paper has no RetinaNet: this is ours,
# see faster_rcnn_dyrep_r50_coco.py for what it shares. Not trained here.
_base_ = 'mmdet::retinanet/retinanet_r50_fpn_1x_coco.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

custom_hooks = [dict(type='DyRepHook')]
