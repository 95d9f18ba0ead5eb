"""Checkpoints that ``init_cfg`` names."""
import pytest
import torch
from mmengine.model import BaseModule, PretrainedInit
from torch import nn

from mmrep import DBBConv2d
from mmrep.checkpoints.pretrained import (check_load_from, check_pretrained,
                                          pretrained)
from mmrep.errors import UserError


def net(init_cfg):
    inner = BaseModule(init_cfg)
    inner.conv = nn.Conv2d(1, 1, 1)
    return nn.Sequential(inner, BaseModule(), nn.ReLU())


@pytest.fixture
def path(tmp_path):
    weights = {'backbone.conv.weight': torch.ones(1, 1, 1, 1)}
    torch.save(weights, tmp_path / 'net.pth')
    return str(tmp_path / 'net.pth')


def test_all_forms(path):
    kaiming = dict(type='Kaiming', layer='Conv2d')
    for kind in ('Pretrained', PretrainedInit):
        init = dict(type=kind, checkpoint=path)
        for cfg in (init, [kaiming, init]):
            model = net(cfg)
            assert list(pretrained(model)) == [(model[0], init)]
    assert not list(pretrained(net(kaiming)))


def test_good_and_remote(path):
    check_pretrained(
        net(dict(type='Pretrained', checkpoint=path, prefix='backbone.')))
    check_pretrained(
        net(dict(type='Pretrained', checkpoint='torchvision://a')))


@pytest.mark.parametrize('change, words', [
    (dict(checkpoint='nowhere.pth'), "no such checkpoint: 'nowhere.pth'"),
    (dict(prefix='neck.'), r"`prefix` \(='neck.'\)"),
    (dict(prefix='back'), r"`prefix` \(='back'\)"),
    (dict(checkpoint=3), r'`checkpoint` of `init_cfg` \(=3\)'),
    (dict(prefix=None), 'has no weight with a name and shape of this'),
])
def test_bad(path, change, words):
    init = dict(type='Pretrained', checkpoint=path, prefix='backbone.')
    with pytest.raises(UserError, match=words):
        check_pretrained(net({**init, **change}))


def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3))


def rich(**options):
    torch.manual_seed(0)
    return nn.Sequential(DBBConv2d(2, 3, 3, **options), nn.BatchNorm2d(3))


def named(model, prefix=''):
    return {prefix + name: t for name, t in model.state_dict().items()}


NESTED = dict(kxk=dict(type='DBBConv2d', branches=['1x1']))
FITS = dict(
    same=(plain, lambda: named(plain())),
    module=(plain, lambda: named(plain(), 'module.')),
    a_part=(plain, lambda: {
        '0.bias': torch.ones(3),
        'x.weight': torch.ones(3)
    }),
    plain_into_rich=(rich, lambda: {
        '0.weight': torch.ones(3, 2, 3, 3)
    }),
    plain_into_nested=(lambda: rich(**NESTED), lambda: {
        '0.weight': torch.ones(3, 2, 3, 3)
    }),
    rich_into_plain=(plain, lambda: {
        k: v
        for k, v in named(rich(**NESTED)).items() if k[:2] == '0.'
    }),
)
NOT = dict(
    empty={},
    other_names={'foo.weight': torch.rand(3, 2, 3, 3)},
    other_shapes={
        k: torch.rand(*v.shape, 2) if v.dim() else v
        for k, v in named(plain()).items()
    },
    backbone_of_it=named(plain(), 'backbone.'),
)


def load_from(model, weights, folder):
    torch.save(dict(state_dict=weights), folder / 'net.pth')
    check_load_from(model, str(folder / 'net.pth'))


@pytest.mark.parametrize('case', FITS)
def test_what_fits(tmp_path, case):
    make, weights = FITS[case]
    model = make()
    before = {k: v.clone() for k, v in named(model).items()}
    load_from(model, weights(), tmp_path)
    assert all(torch.equal(v, before[k]) for k, v in named(model).items())


@pytest.mark.parametrize('case', NOT)
@pytest.mark.parametrize('make', [plain, rich])
def test_what_fits_nothing(tmp_path, make, case):
    with pytest.raises(UserError, match='nothing would be loaded'):
        load_from(make(), NOT[case], tmp_path)
    module = BaseModule(dict(type='Pretrained', checkpoint='a'))
    module.add_module('0', make()[0])
    module.add_module('1', nn.BatchNorm2d(3))
    module.init_cfg['checkpoint'] = str(tmp_path / 'net.pth')
    with pytest.raises(UserError, match='nothing would be loaded'):
        check_pretrained(module)


class Translating(BaseModule):
    """A module that loads names of another code, like hosts' transformers."""

    def __init__(self, path):
        super().__init__(dict(type='Pretrained', checkpoint=path))
        self.norm, self.proj = nn.BatchNorm2d(4), nn.Linear(4, 4)

    def init_weights(self):
        weights = torch.load(self.init_cfg['checkpoint'])
        self.proj.weight.data.copy_(weights['official.w'])


def test_names_that_a_module_translates(tmp_path):
    path = str(tmp_path / 'a.pth')
    torch.save({'official.w': torch.rand(4, 4)}, path)
    check_pretrained(Translating(path))
    # a constant may be in the module without any loading
    torch.save({'official.w': torch.ones(4), 'b': torch.rand(9)}, path)
    with pytest.raises(UserError, match='nothing would be loaded'):
        check_pretrained(Translating(path))


@pytest.mark.parametrize('path', [5, ['a.pth'], dict()])
def test_no_path(path):
    with pytest.raises(UserError, match='`load_from`'):
        check_load_from(plain(), path)
