# Faster R-CNN with FPN on COCO 2017, 12 epochs, whose backbone evolves while
# it trains (Huang et al., DyRep, CVPR 2022, table 5, "D"): from plain ImageNet
# weights the paper reports 37.7 mAP (37.4 without DyRep). Not trained here.
#
# The paper does not say how often a detector evolves; here an event comes
# after each of the first 10 epochs, the hook's default. Its metric is the
# hook's, snip; the paper's is synflow. As in the base the norms of the
# backbone are in eval mode and stem and first stage are frozen: what is frozen
# never grows, and growing changes what the net computes by rounding alone.
_base_ = 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

custom_hooks = [dict(type='DyRepHook')]
