# A Faster R-CNN whose backbone grows eight times and cuts branches while it
# learns the shapes, in minutes on two CPU cores. No paper's setting.
#
# In 320 steps the importances of a block's branches come to differ by a few
# thousandths, so some are cut from 0.002 on, not from the hook's 0.02. The
# stem stays plain: at its resolution each branch costs as much as a stage.
_base_ = './_base_/faster_rcnn_r18_shapes.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

custom_hooks = [
    dict(
        type='DyRepHook',
        interval=30,
        stop=240,
        cut_threshold=0.002,
        scope='backbone.layer?')
]
