"""Plain nets load evolved checkpoints, and no foreign ones."""
import copy
import json
import pickle
import warnings

import pytest
import torch
from mmengine.model import BaseTTAModel
from mmengine.registry import MODELS
from mmengine.runner import load_checkpoint
from torch import nn

import mmrep
from mmrep import DBBConv2d, RepConv2d
from mmrep.deploy import relative_difference
from mmrep.dyrep import Data, Evolution, growing
from mmrep.dyrep.calibration import inputs_of
from mmrep.dyrep.event import Event
from mmrep.dyrep.sites import Site, block_at
from mmrep.errors import UserError
from mmrep.prefixes import under
from mmrep.structures.from_weights import adopt, enrich, part_of, structure_of
from mmrep.testing import randomize_norms

SEVEN = ('1x1', '1x1_kxk', '1x1_average', '1xk', 'kx1', 'identity')
GROWN = [
    Site('backbone.conv1'),
    Site('backbone.layer1.0.conv2'),
    Site('backbone.layer1.0.conv2', ('kxk', )),
    Site('backbone.layer1.0.conv2', ('kxk', 'kxk')),
    Site('backbone.layer1.0.conv2', ('second', )),
    Site('backbone.layer2.0.conv1'),
    Site('backbone.layer2.0.conv1', ('kxk', )),
    Site('backbone.layer3.0.conv1'),
    Site('neck.conv'),
]
CUT = [(GROWN[3], SEVEN[2:]), (GROWN[2], SEVEN[:2]), (GROWN[4], SEVEN),
       (GROWN[1], SEVEN[3:]), (GROWN[6], SEVEN), (GROWN[7], SEVEN)]


class Net(nn.Module):
    """A host's backbone, and a convolution with a bias and no norm."""

    def __init__(self, **options):
        super().__init__()
        import mmdet.models  # noqa: F401
        self.backbone = MODELS.build(
            dict(
                type='mmdet.ResNet',
                depth=18,
                base_channels=8,
                norm_eval=False,
                frozen_stages=-1,
                **options))
        self.neck = nn.Sequential()
        self.neck.add_module('conv', nn.Conv2d(64, 4, 3, padding=1))

    def forward(self, x):
        return self.neck(self.backbone(x)[-1])

    def test_step(self, data):
        """Do nothing; test-time augmentation asks for this method."""


def net_of(seed=0, **options):
    torch.manual_seed(seed)
    return randomize_norms(Net(**options), seed).train()


def image():
    return torch.rand(2, 3, 64, 64, generator=torch.manual_seed(3))


def output(net):
    with torch.no_grad():
        return net.eval()(image())


def features(backbone):
    backbone.eval()
    with torch.no_grad():
        return backbone(image())[-1]


def rich(net):
    return [n for n, m in net.named_modules() if isinstance(m, RepConv2d)]


@pytest.fixture(scope='module')
def nets():
    """Make a net that has grown, also blocks in blocks, and one cut again."""
    net, x = net_of(), [image()]
    for site in GROWN:
        block = growing.add_branches(net, site, SEVEN, 0)
        root = net.get_submodule(site.layer)
        growing.compensate(block, inputs_of(block, root, net, x, net), 0.01)
    for block in rich(net):
        randomize_norms(net.get_submodule(block))
    cut = copy.deepcopy(net)
    evolution = Evolution(cut, scope=['backbone', 'neck'])
    data = Data(x, cut, cut)
    for site, names in CUT:
        names = [n for n in names if n in block_at(cut, site).branches]
        Event(evolution, None, data).cut_block(site, names)
    return dict(grown=net, cut=cut)


@pytest.fixture(params=['grown', 'cut'])
def net(request, nets):
    return copy.deepcopy(nets[request.param])


@pytest.fixture
def saved(net, tmp_path):
    """Return a function that saves a checkpoint and gives its path."""

    def save(prefix='', state=None):
        state = net.state_dict() if state is None else state
        path = str(tmp_path / 'evolved.pth')
        state = {prefix + name: tensor for name, tensor in state.items()}
        torch.save(dict(state_dict=state), path)
        return path

    return save


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_a_plain_net_loads_it(net, saved, prefix):
    fresh = net_of(seed=1)
    load_checkpoint(fresh, saved(prefix), strict=True)
    assert torch.equal(output(net), output(fresh))
    assert list(fresh.state_dict()) == list(net.state_dict())


def test_a_rich_net_loads_it(net, saved):
    fresh = net_of(seed=1)
    growing.add_branches(fresh, GROWN[0], ('1x1', ), 0)
    load_checkpoint(fresh, saved(), strict=True)
    assert torch.equal(output(net), output(fresh))


def test_a_part_of_a_checkpoint(net, saved):
    fresh = MODELS.build(dict(type='mmdet.ResNet', depth=18, base_channels=8))
    state = under(net.state_dict(), 'backbone.')
    load_checkpoint(fresh, saved(state=state), strict=True)
    assert torch.equal(features(net.backbone), features(fresh))


def test_wrapped_models(net, saved):

    class Wrapper(BaseTTAModel):

        def merge_preds(self, data_samples_list):
            return data_samples_list

    fresh = net_of(seed=1)
    load_checkpoint(Wrapper(fresh), saved('module.'))
    assert torch.equal(output(net), output(fresh))


def test_weights_of_an_init_cfg(net, saved):
    """mmengine allows no new parameters there: the message tells a way."""
    cfg = dict(type='Pretrained', checkpoint=saved(), prefix='backbone.')
    with pytest.raises(UserError, match='Restructured'):
        net_of(init_cfg=cfg).backbone.init_weights()
    built = MODELS.build(
        dict(
            type='Restructured',
            model=dict(type='mmdet.ResNet', depth=18, base_channels=8),
            structure=saved(),
            init_cfg=cfg))
    built.init_weights()
    assert torch.equal(features(net.backbone), features(built))


def test_a_plain_checkpoint_leaves_all_plain(saved):
    plain, fresh = net_of(), net_of(seed=1)
    load_checkpoint(fresh, saved(state=plain.state_dict()), strict=True)
    assert rich(fresh) == []
    assert torch.equal(output(plain), output(fresh))


@pytest.mark.parametrize('names', [
    ['backbone.conv1.conv.weight', 'backbone.conv1.norm.weight'],
    ['backbone.conv1.branches.0.weight'],
    ['backbone.conv1.branches.1x1.weight'],
    ['backbone.conv1.kxk.weight'],
    ['backbone.conv1.weight', 'backbone.conv1.branches.foo.weight'],
    ['neck.norm.weight', 'norm.weight', '.norm.weight', '.branches.'],
])
def test_foreign_checkpoints_leave_all_plain(names, saved):
    fresh = net_of()
    expected, before = output(fresh), list(fresh.state_dict())
    state = {name: torch.ones(8) for name in names}
    load_checkpoint(fresh, saved(state=state), logger='silent')
    assert rich(fresh) == [] and list(fresh.state_dict()) == before
    assert torch.equal(output(fresh), expected)


def test_nets_of_another_width_stay_plain(net):
    fresh = net_of()
    state = {
        name: tensor[:3] if tensor.dim() else tensor
        for name, tensor in net.state_dict().items()
    }
    assert enrich(fresh, state) == [] == rich(fresh)


def test_enriched_computes_the_same(net):
    fresh = net_of(seed=1)
    expected = output(fresh)
    found = enrich(fresh, net.state_dict())
    outermost = [n for n in rich(net) if block_at(net, Site(n)).branches]
    assert set(outermost) >= set(found) == set(rich(fresh))
    assert torch.equal(output(fresh), expected)


def test_adopted_has_the_structure(net):
    fresh = net_of(seed=1)
    assert adopt(fresh, net.state_dict())
    assert list(fresh.state_dict()) == list(net.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # no warning of new parameters
        fresh.load_state_dict(net.state_dict())
    assert not adopt(fresh, net.state_dict())
    assert torch.equal(output(net), output(fresh))


@pytest.mark.parametrize('prefix', ['', 'module.'])
def test_structure_of_weights(net, prefix):
    fresh = net_of(seed=1)
    before = [(name, id(value)) for name, value in named(fresh)]
    state = {f'{prefix}{k}': v for k, v in net.state_dict().items()}
    found = structure_of(fresh, state)
    assert [(name, id(value)) for name, value in named(fresh)] == before
    # the names say nothing about a layer whose branches are all cut
    assert found == {
        k: v
        for k, v in mmrep.structure(net).items() if k in found
    }
    left = mmrep.structure(net).keys() - found.keys()
    assert not any(
        n.startswith(f'{name}.branches') for name in left
        for n in net.state_dict())


def named(net):
    return [*net.named_modules(), *net.named_parameters()]


# blocks of each type, with options other than the type's defaults
BLOCKS = [
    dict(type='ACBConv2d', branches=['kx1']),
    dict(type='DBBConv2d', branches={'1x1_kxk': dict(channels=8)}),
    dict(type='DBBConv2d', branches=['1x1'], kxk=dict(type='DBBConv2d')),
    dict(type='OREPAConv2d', branches=['prior', '1x1'], scaling='scalar'),
    dict(type='OREPAVGGConv2d', branches=['1x1']),
    dict(type='RepVGGConv2d', branches=['identity']),
    dict(type='QARepVGGConv2d', branches=[]),
    dict(type='MobileOneConv2d', num_convs=2),
    dict(type='LargeKernelConv2d', branches=['1x1']),
]


@pytest.mark.parametrize('block', BLOCKS, ids=str)
def test_structure_of_other_blocks(block):
    """A plain net that takes the structure loads the weights exactly."""

    def plain():
        return nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4))

    net = randomize_norms(mmrep.reparameterize(plain(), block))
    start = mmrep.reparameterize(plain(), block['type'])
    found = structure_of(start, net.state_dict())
    made = mmrep.restructure(plain(), json.loads(json.dumps(found)))
    assert mmrep.structure(made) == mmrep.structure(net) != mmrep.structure(
        start)
    made.load_state_dict(net.state_dict(), strict=True)
    x = torch.randn(1, 4, 8, 8)
    assert torch.equal(net.eval()(x), made.eval()(x))
    weights = plain().state_dict()
    assert structure_of(start, weights) == mmrep.structure(start)


def test_part_of_a_model():
    net = nn.Sequential(nn.ReLU(), nn.Conv2d(1, 1, 1))
    own = {'1.weight': 1, '1.bias': 2}
    assert part_of(net, own) == own
    around = {'x.1.kxk.weight': 3, 'z.1.weight': 4}
    for name, value in own.items():
        around[f'a.b.{name}'] = around[f'y.{name}'] = value
    assert part_of(net, around) == {'1.kxk.weight': 3}
    del around['x.1.kxk.weight'], around['z.1.weight']
    assert part_of(net, around) == own
    assert part_of(net, {'1.scale': 1, 'a1.weight': 2}) is None


def test_adopting_nothing(nets):
    fresh = net_of()
    assert not adopt(fresh, fresh.state_dict())
    assert not adopt(fresh, {})
    assert rich(fresh) == []


def test_norms_are_as_those_behind(nets):
    """Norms inside take the eps of the norm behind; files do not hold it."""
    fresh = net_of(norm_cfg=dict(type='BN', eps=0.1))
    adopt(fresh, nets['grown'].state_dict())
    assert {n.eps for n in fresh.backbone.conv1.norms_inside()} == {0.1}
    assert {n.eps for n in fresh.neck.conv.norms_inside()} == {1e-5}


def test_frozen_stays_frozen(nets):
    fresh = net_of()
    fresh.backbone.conv1.requires_grad_(False)
    adopt(fresh, nets['grown'].state_dict())
    assert len(fresh.backbone.conv1.branches) > 3
    assert not fresh.backbone.conv1.trains
    assert fresh.backbone.layer1[0].conv2.trains


def test_a_loaded_net_is_like_any_other(net, saved):
    fresh = net_of(seed=1)
    load_checkpoint(fresh, saved())
    expected = output(fresh)
    for twin in (copy.deepcopy(fresh), pickle.loads(pickle.dumps(fresh))):
        assert relative_difference(expected, output(twin)) == 0
    assert all(
        isinstance(block, DBBConv2d) for block in fresh.modules()
        if isinstance(block, RepConv2d))


def test_plain_weights_leave_rich_layers_rich_unless_exactly():
    conv = nn.Conv2d(4, 4, 3, padding=1)
    for exactly, left in ((False, 3), (True, 0)):
        net = nn.Sequential(DBBConv2d.from_conv(conv))
        changed = adopt(net, {
            f'0.{k}': v
            for k, v in conv.state_dict().items()
        }, exactly)
        assert len(net[0].branches) == left and changed == exactly
