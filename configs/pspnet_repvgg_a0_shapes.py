# RepVGG's blocks, to compare in INT8 (docs/int8.md). No paper's setting.
_base_ = './_base_/pspnet_a0_shapes.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)
