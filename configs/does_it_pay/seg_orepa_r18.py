# Semantic FPN on the hard shapes, with a ResNet-18 of OREPA blocks. No paper's
# setting.
_base_ = './_base_/seg_hard.py'

model = dict(backbone=dict(type='OREPAResNet'))
