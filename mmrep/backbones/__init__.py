"""Backbones of re-parameterized convolutions."""
from .alexnet import AlexNetBN
from .mobilenet import MobileNetV1
from .rep_resnet import RepResNet
from .repvgg import OREPAVGGBackbone, RepVGGBackbone
from .resnets import ACBResNet, DBBResNet, OREPAResNet, RepVGGResNet

__all__ = [
    'ACBResNet', 'AlexNetBN', 'DBBResNet', 'MobileNetV1', 'OREPAResNet',
    'OREPAVGGBackbone', 'RepResNet', 'RepVGGBackbone', 'RepVGGResNet'
]
