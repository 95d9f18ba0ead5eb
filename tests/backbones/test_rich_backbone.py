"""All backbones behave alike, whatever their stages are called."""
import pytest
from torch.nn.modules.batchnorm import _BatchNorm

from mmrep import DBBResNet, MobileNetV1, RepVGGBackbone

BLOCK = dict(type='DBBConv2d')
ARCH = dict(num_blocks=(1, 1, 1, 1), width_factor=(.25, ) * 4)
NETS = {
    'resnet': (lambda **k: DBBResNet(18, base_channels=4, **k),
               ('conv1', 'bn1', 'layer1', 'layer2')),
    'deep': (lambda **k: DBBResNet(18, base_channels=4, deep_stem=True, **k),
             ('stem', 'layer1', 'layer2')),
    'mobilenet':
    (lambda **k: MobileNetV1(widen_factor=1 / 8, conv_cfg=BLOCK, **k),
     ('conv1', 'layer1', 'layer2')),
    'repvgg': (lambda **k: RepVGGBackbone(ARCH, base_channels=16, **k),
               ('stem', 'stage_1', 'stage_2')),
}


@pytest.mark.parametrize('name', NETS)
def test_frozen_stages(name):
    """The stem and two stages are fixed with all parts, nothing else."""
    make, frozen = NETS[name]
    net = make(frozen_stages=2).train()
    for place, child in net.named_children():
        fixed = place in frozen
        norms = [m for m in child.modules() if isinstance(m, _BatchNorm)]
        assert all(norm.training is not fixed for norm in norms), place
        assert all(p.requires_grad is not fixed
                   for p in child.parameters()), place


@pytest.mark.parametrize('name', NETS)
def test_norm_eval(name):
    """Parameters still train; without it, train() ends the eval mode."""
    net = NETS[name][0](norm_eval=True).train()
    norms = [m for m in net.modules() if isinstance(m, _BatchNorm)]
    assert norms and not any(norm.training for norm in norms)
    assert all(p.requires_grad for p in net.parameters())
    net.norm_eval = False
    net.train()
    assert all(norm.training for norm in norms)
