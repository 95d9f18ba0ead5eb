"""The OpenMMLab hosts that look into mmengine's root registries."""
# distribution of each module; docs/hosts.md says what was tried
OTHER_HOSTS = dict(
    mmpose='mmpose',
    mmyolo='mmyolo',
    mmrotate='mmrotate',
    mmdet3d='mmdet3d',
    mmaction='mmaction2',
    mmocr='mmocr')
# `make test` has the first three
HOSTS = dict(
    mmdet='mmdet',
    mmseg='mmsegmentation',
    mmpretrain='mmpretrain',
    **OTHER_HOSTS)
