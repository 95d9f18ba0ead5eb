# The hard shapes one by one, with a plain ResNet-18. No paper's setting.
_base_ = './_base_/cls_hard.py'
