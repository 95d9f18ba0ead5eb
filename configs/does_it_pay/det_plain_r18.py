# RetinaNet on the hard shapes, with a plain ResNet-18. No paper's setting.
_base_ = './_base_/det_hard.py'
