# Handwritten digits, with a ResNet-18 of OREPA blocks. No paper's setting.
_base_ = './_base_/digits.py'

model = dict(backbone=dict(type='OREPAResNet'))
