# The hard shapes one by one, with a ResNet-18 that evolves while it trains. No
# paper's setting.
#
# Eight events. In so few steps the importances of a block's branches come to
# differ by a few thousandths, so some are cut from 0.002 on, not from the
# hook's 0.02. The stem stays plain, as in the other configs of the shapes.
_base_ = './_base_/cls_hard.py'

custom_hooks = [
    dict(
        type='DyRepHook',
        interval=40,
        stop=320,
        cut_threshold=0.002,
        scope='backbone.layer?')
]
