"""Small nets that grow, and checks of what they compute."""
import copy
from typing import List, Optional, Sequence, Tuple

import torch
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mmrep.dyrep import SEVEN, Data, Evolution, growing
from mmrep.dyrep.calibration import inputs_of
from mmrep.dyrep.event import Event
from mmrep.dyrep.look import Look, change, look
from mmrep.dyrep.sites import Site, block_at
from mmrep.testing import randomize_norms

FROZEN, TRAINED = 1e-5, 2e-2  # allowed change of features


def net_of(conv: nn.Conv2d,
           norm: bool = True,
           dtype: torch.dtype = torch.float) -> nn.Sequential:
    """Return a net: a convolution behind another, with or without a norm."""
    torch.manual_seed(0)
    channels = conv.in_channels
    net = nn.Sequential()
    net.add_module('pre', nn.Conv2d(3, channels, 1))
    net.add_module('pre_norm', nn.BatchNorm2d(channels))
    net.add_module('pre_relu', nn.ReLU())
    net.add_module('conv', conv)
    if norm:
        net.add_module('norm', nn.BatchNorm2d(conv.out_channels))
    net.add_module('relu', nn.ReLU())
    return randomize_norms(net).to(dtype).train()


def conv3x3(**options) -> nn.Conv2d:
    torch.manual_seed(1)
    return nn.Conv2d(8, 8, 3, **{**dict(padding=1, bias=False), **options})


def data_of(net: nn.Module,
            dtype: torch.dtype = torch.float,
            autocast: Optional[torch.dtype] = None,
            size: int = 16) -> Data:
    """Return two batches of random images, with functions that run a net."""
    generator = torch.Generator().manual_seed(2)
    batches = [
        torch.randn(8, 3, size, size, generator=generator).to(dtype)
        for _ in range(2)
    ]

    def features(x: Tensor) -> Tensor:
        with torch.autocast(
                'cpu', dtype=autocast, enabled=autocast is not None):
            return net(x)

    return Data(batches, lambda x: features(x).float().square().mean(),
                features)


def other_batch(dtype: torch.dtype = torch.float, size: int = 16) -> Tensor:
    """Return a batch on which nothing is calibrated."""
    generator = torch.Generator().manual_seed(3)
    return torch.randn(8, 3, size, size, generator=generator).to(dtype)


def looks(net: nn.Module, data: Data, *further) -> List[Look]:
    """Return looks at the last batch and at further ones."""
    return [look(net, x, data.features) for x in (data.batches[-1], *further)]


def differences(before: Sequence[Look],
                after: Sequence[Look]) -> Tuple[float, float]:
    """Return the largest changes, with norms in eval mode and in training."""
    pairs = list(zip(before, after))
    return (max(change(a.frozen, b.frozen) for a, b in pairs),
            max(change(a.trained, b.trained) for a, b in pairs))


def check(net: nn.Module,
          data: Data,
          before: Sequence[Look],
          *further,
          frozen: float = FROZEN,
          trained: float = TRAINED) -> None:
    """Assert that the net computes what it computed before."""
    changes = differences(before, looks(net, data, *further))
    assert changes[0] <= frozen and changes[1] <= trained, changes


def grow(net: nn.Module,
         data: Data,
         *places: tuple,
         init_gamma: float = 0.01) -> None:
    """Grow ``conv``, or the kernel at each place of its block."""
    for seed, place in enumerate(places):
        site = Site('conv', place)
        block = growing.add_branches(net, site, SEVEN, seed)
        growing.compensate(
            block, inputs_of(block, net.conv, net, data.batches, data.run),
            init_gamma)


def train(net: nn.Module, data: Data, lr: float = 0.05, steps=10) -> float:
    """Fit random targets by SGD and return the last loss."""
    generator = torch.Generator().manual_seed(4)
    wanted = [p for p in net.parameters() if p.requires_grad]
    sgd = torch.optim.SGD(wanted, lr, momentum=0.9)
    with torch.no_grad():
        targets = [
            torch.randn(net(x).shape, generator=generator).to(x)
            for x in data.batches
        ]
    for step in range(steps):
        i = step % len(data.batches)
        sgd.zero_grad()
        loss = (net(data.batches[i]) - targets[i]).square().mean()
        loss.backward()
        sgd.step()
    settle(net, data)
    return loss.item()


@torch.no_grad()
def settle(net: nn.Module, data: Data) -> None:
    """Run the net until running statistics of norms that train settle."""
    norms = [m for m in net.modules() if hasattr(m, 'momentum')]
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.5
    for _ in range(5):
        for x in data.batches:
            data.features(x)
    for norm, momentum in zip(norms, usual):
        norm.momentum = momentum


def cut(
    net: nn.Module,
    data: Data,
    names: Sequence[str],
    inside: tuple = (),
    followers: Sequence[nn.Module] = ()
) -> None:
    """Cut branches of ``conv`` or of a block inside, of any importance."""
    evolution = Evolution(net, scope='conv')
    evolution.followers = list(followers)
    Event(evolution, None, data).cut_block(Site('conv', inside), list(names))


def block(net: nn.Module, *inside: str) -> nn.Module:
    return block_at(net, Site('conv', inside))


class Classifier(nn.Module):
    """A host's ResNet-18, or a given backbone, with a head on all stages."""

    def __init__(self, **options) -> None:
        super().__init__()
        import mmseg.models  # noqa: F401
        self.backbone = MODELS.build({
            'type': 'mmseg.ResNet',
            'depth': 18,
            'norm_eval': False,
            **options, 'base_channels': 8
        } if options.get('type') is None else options)
        self.head = nn.Linear(120, 5)

    def forward(self, x: Tensor) -> Tensor:
        features = self.backbone(x)
        return self.head(torch.cat([f.mean((2, 3)) for f in features], 1))


def classifier(**options) -> Tuple[Classifier, Data]:
    """Return a ResNet-18 with its data; statistics of frozen norms fit it."""
    torch.manual_seed(0)
    net = randomize_norms(Classifier(**options)).train()
    shades = 1 + torch.arange(8)[:, None, None, None] / 20
    batches = [(torch.randn(8, 3, 32, 32) * shades, torch.arange(8) % 5)
               for _ in range(2)]
    data = Data(batches, lambda b: cross_entropy(net(b[0]), b[1]),
                lambda b: net.backbone(b[0]))
    if options.get('norm_eval'):
        for module in net.modules():
            module.training = True
        settle(net, data)
        net.train()
    return net, data


NETS = {}  # evolved nets, which are copied


def evolved(conv=None, *places, norm=True, size=16, **options):
    """Return a net that has grown and trained, its data and another batch."""
    key = str((conv, places, norm, size, options))
    if key not in NETS:
        net = net_of(conv or conv3x3(), norm, **options)
        data = data_of(net, size=size, **options)
        grow(net, data, (), *places)
        train(net, data, lr=0.02)
        NETS[key] = net
    net = copy.deepcopy(NETS[key])
    return net, data_of(
        net, size=size, **options), other_batch(
            size=size, **options)


def set_gammas(layer, **gammas):
    """Set the gammas of the named branches."""
    with torch.no_grad():
        own = layer.norm.weight.abs().mean()
        for name, value in gammas.items():
            layer.branches[name].norm.weight.fill_(value * own)
