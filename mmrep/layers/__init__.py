"""Convolutions that train rich and deploy as one plain convolution."""
from .orepa import OREPAConv2d
from .rep_conv import RepConv2d
from .repvgg import RepVGGConv2d

__all__ = ['OREPAConv2d', 'RepConv2d', 'RepVGGConv2d']
