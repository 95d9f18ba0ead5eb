# Handwritten digits, with a plain ResNet-18. No paper's setting.
_base_ = './_base_/digits.py'
