# Faster R-CNN with FPN on COCO 2017, 12 epochs, with a ResNet-50 that evolves
# while it trains (DyRep, Huang et al., CVPR 2022). Not trained here.
#
# Paper: DyRep, table 5, ResNet-50, DyRep, D, COCO: 37.7 AP.
#
# The paper does not say how often a detector evolves; here an event comes
# after each of the first 10 epochs, the hook's default. Its metric is the
# hook's, snip; the paper's is synflow. As in the base the norms of the
# backbone are in eval mode and stem and first stage are frozen: what is frozen
# never grows, and growing changes what the net computes by rounding alone.
_base_ = './faster_rcnn_plain_r50_coco.py'
custom_imports = dict(imports=['mmrep'], allow_failed_imports=False)

custom_hooks = [dict(type='DyRepHook')]
