# Plain VGG-16 on CIFAR-100, 600 epochs. Not trained here.
#
# Paper: DyRep, table 2, CIFAR-100, Origin: 73.69 % top-1.
#
# As on CIFAR-10, with its mean and deviation, which the authors' code has for
# both.
_base_ = './plain_vgg16_cifar10.py'

head_init = dict(override=dict(a=-0.1, b=0.1))
model = dict(head=dict(num_classes=100, init_cfg=head_init))

data_preprocessor = dict(num_classes=100)
data = dict(type='CIFAR100', data_root='data/cifar100')
train_dataloader = dict(dataset=data)
val_dataloader = dict(dataset=data)
test_dataloader = dict(dataset=data)
