"""Backbones of re-parameterized convolutions."""
from .mobilenet import MobileNetV1
from .rep_resnet import RepResNet
from .repvgg import OREPAVGGBackbone, RepVGGBackbone
from .resnets import DBBResNet, OREPAResNet, RepVGGResNet

__all__ = [
    'DBBResNet', 'MobileNetV1', 'OREPAResNet', 'OREPAVGGBackbone', 'RepResNet',
    'RepVGGBackbone', 'RepVGGResNet'
]
