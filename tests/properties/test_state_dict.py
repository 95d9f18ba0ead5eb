"""The structure that a state dict holds, and the keys that it must have."""
import io
import json
import re

import pytest
import torch
from hypothesis import assume
from hypothesis import strategies as st

import mmrep

from .over import over
from .strategies import BRANCHED, cases, pairs

KXK = re.compile(r'(kxk\.)*weight')


def config(layer):
    """Return the structure as plain data, through json."""
    data = json.loads(json.dumps(mmrep.structure(layer)))
    assert data == mmrep.structure(layer)
    return data['']


@over(150, case=cases())
def test_saved_and_loaded(case):
    layer, x, file = case.build(), case.image(), io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    other = case._replace(seed=case.seed + 1).build()
    own = list(other.parameters())
    other.load_state_dict(torch.load(file, weights_only=True), strict=True)
    with torch.no_grad():
        assert torch.equal(other(x), layer(x))
    assert config(other) == config(layer)
    # else an optimizer would keep parameters that are gone
    assert all(a is b for a, b in zip(own, other.parameters(), strict=True))


@over(300, pair=pairs())
def test_any_structure_is_taken_over(pair):
    saved, other = pair
    layer, fresh, x = saved.build(), other.build(), saved.image()
    assume(not any(map(says_more_than_weights, (layer, fresh))))
    weights = layer.state_dict()
    fresh.load_state_dict(weights, strict=True)
    saved.check(fresh(x).detach(), layer, x)
    if not {'weight', 'bias'}.issuperset(weights):
        assert fresh.state_dict().keys() == weights.keys()
        assert config(fresh) == config(layer)


def says_more_than_weights(layer):
    """Return True if weights do not tell the kinds of blocks or norms.

    Without a scale, weights do not tell OREPA's origin from its constant.
    """
    for module in layer.modules():
        if isinstance(module, mmrep.OREPAConv2d):
            alone = module.scale is None or module.out_channels == 1
            if alone and (module is layer or module.scaling == 'none'):
                return True
        elif isinstance(module, mmrep.RepConv2d) and (
                type(module), module.norm_cfg) != (type(layer),
                                                   layer.norm_cfg):
            return True
    return False


@over(150, pair=pairs(layers=[mmrep.OREPAConv2d]))
def test_orepa_loads_what_says_less(pair):
    saved, other = pair
    layer, fresh, x = saved.build(), other.build(), saved.image()
    fresh.load_state_dict(layer.state_dict(), strict=True)
    saved.check(fresh(x).detach(), layer, x)


def test_nested_blocks_are_taken_over():
    second = dict(type='DBBConv2d', branches=['1xk'])
    saved = mmrep.DBBConv2d(
        4,
        4,
        3,
        branches={'1x1_kxk': dict(second=second)},
        kxk=dict(type='OREPAConv2d'))
    fresh = mmrep.DBBConv2d(4, 4, 3)
    fresh.load_state_dict(saved.state_dict(), strict=True)
    assert config(fresh) == config(saved)


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('cls', BRANCHED)
def test_ungrown_is_plain(cls, bias):
    if cls is mmrep.OREPAVGGConv2d:
        pytest.skip('its kxk is a block')
    layer = cls(4, 6, 3, bias=bias, branches=(), norms=())
    plain = torch.nn.Conv2d(4, 6, 3, bias=bias)
    assert layer.state_dict().keys() == plain.state_dict().keys()


@over(100, case=cases(), data=st.data())
def test_strict(case, data):
    layer = case.build()
    weights = layer.state_dict()
    name = data.draw(st.sampled_from(sorted(weights)))
    shape = data.draw(
        st.sampled_from([(7, ), (3, 4), (2, 3, 4), (9, 9, 1, 1)]))
    # PyTorch 2.1 loads the first of several values into a scalar
    assume(weights[name].dim() or len(shape) > 1)
    with pytest.raises(RuntimeError, match='Unexpected'):
        layer.load_state_dict({**weights, 'other': torch.zeros(1)})
    with pytest.raises(RuntimeError, match='size mismatch'):
        layer.load_state_dict({**weights, name: torch.zeros(shape)})
    # the weight of the kxk, of the innermost one if blocks are nested
    del weights[next(key for key in weights if KXK.fullmatch(key))]
    with pytest.raises(RuntimeError, match='Missing'):
        layer.load_state_dict(weights)
