# A Faster R-CNN of OREPA blocks that learns the shapes on two CPU cores in two
# minutes. No paper's setting.
_base_ = './_base_/faster_rcnn_r18_shapes.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='OREPAResNet'))
