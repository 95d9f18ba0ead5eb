# A classifier of handwritten digits from scratch, with few images to learn
# from: `python tools/make_digits.py`. No paper's setting.
_base_ = './cls_hard.py'

num_classes = 10
model = dict(
    data_preprocessor=dict(
        num_classes=num_classes, mean=[78.] * 3, std=[96.] * 3),
    head=dict(num_classes=num_classes))

dataset = dict(data_root='data/digits')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = val_dataloader

max_iters = 250
train_cfg = dict(max_iters=max_iters, val_interval=max_iters // 5)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=25),
    dict(
        type='CosineAnnealingLR',
        eta_min=0,
        by_epoch=False,
        begin=25,
        end=max_iters)
]
default_hooks = dict(checkpoint=dict(interval=max_iters // 2))
