"""Backbones of re-parameterized convolutions."""
from .rep_resnet import OREPAResNet
from .repvgg import RepVGGBackbone

__all__ = ['OREPAResNet', 'RepVGGBackbone']
