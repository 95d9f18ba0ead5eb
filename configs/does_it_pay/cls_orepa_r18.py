# The hard shapes one by one, with a ResNet-18 of OREPA blocks. No paper's
# setting.
_base_ = './_base_/cls_hard.py'

model = dict(backbone=dict(type='OREPAResNet'))
