# Handwritten digits, with a ResNet-18 of diverse branch blocks. No paper's
# setting.
#
# No norm stands behind a block, as in the code of DBB and OREPA.
_base_ = './_base_/digits.py'

model = dict(backbone=dict(type='DBBResNet', norm_behind=False))
