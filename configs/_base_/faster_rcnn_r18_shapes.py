# A Faster R-CNN that learns the shapes on two CPU cores in minutes: the host's
# model at a quarter of the channels and an eighth of the proposals, trained
# from scratch, so that no stage and no norm is frozen. No paper's setting.
_base_ = [
    'mmdet::_base_/models/faster-rcnn_r50_fpn.py',
    './datasets/shapes_detection.py',
    './schedules/minutes_on_cpu.py',
]
channels = 64
model = dict(
    backbone=dict(
        depth=18,
        base_channels=16,
        frozen_stages=-1,
        norm_eval=False,
        init_cfg=None),
    neck=dict(in_channels=[16, 32, 64, 128], out_channels=channels),
    rpn_head=dict(
        in_channels=channels,
        feat_channels=channels,
        anchor_generator=dict(scales=[4])),
    roi_head=dict(
        # mmcv's RoIAlign on a CPU costs as much as the rest of the step with
        # the base's adaptive number of samples.
        bbox_roi_extractor=dict(
            roi_layer=dict(sampling_ratio=1), out_channels=channels),
        bbox_head=dict(
            in_channels=channels, fc_out_channels=256, num_classes=4)),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=200, max_per_img=100),
        rcnn=dict(sampler=dict(num=64, pos_fraction=0.5))),
    test_cfg=dict(
        rpn=dict(nms_pre=200, max_per_img=50), rcnn=dict(max_per_img=20)))
