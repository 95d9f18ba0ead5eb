# A PSPNet of OREPA blocks that learns the shapes on two CPU cores in three
# minutes. No paper's setting.
_base_ = './_base_/pspnet_r18_shapes.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

model = dict(backbone=dict(type='OREPAResNet'))
