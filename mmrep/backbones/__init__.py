"""Backbones of re-parameterized convolutions."""
from .rep_resnet import RepResNet
from .repvgg import OREPAVGGBackbone, RepVGGBackbone
from .resnets import DBBResNet, OREPAResNet, RepVGGResNet

__all__ = [
    'DBBResNet', 'OREPAResNet', 'OREPAVGGBackbone', 'RepResNet',
    'RepVGGBackbone', 'RepVGGResNet'
]
