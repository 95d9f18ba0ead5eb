"""Weights are renamed by tables."""
import pytest
import torch

from mmrep.checkpoints.renaming import rename, translate, translated
from mmrep.errors import UserError

PLACES = ((r'a\.', 'x.'), (r'ab\.', 'y.'), (r'', ''))
LEAVES = ((r'w(\d)$', r'weight.\1'), (r'b', 'bias'))


def test_rename_applies_every_row_in_turn():
    table = [(r'^a\.', 'b.'), (r'^b\.(\d)', r'c.\1')]
    assert rename('a.7.a.', table) == 'c.7.a.'


@pytest.mark.parametrize('name, expected', [
    ('a.w3', 'x.weight.3'),
    ('ab.b', 'y.bias'),
    ('w1', 'weight.1'),
    ('a.w3.b', None),
    ('a.bb', None),
    ('c.b', None),
    ('', None),
])
def test_translate_explains_the_whole_name(name, expected):
    assert translate(name, (PLACES, LEAVES)) == expected


def test_translate_takes_the_first_sentence():
    other = ((r'a\.w3$', 'first'), )
    assert translate('a.w3', (other, ), (PLACES, LEAVES)) == 'first'
    assert translate('a.b', (other, ), (PLACES, LEAVES)) == 'x.bias'


def test_translated():
    weight = torch.ones(1)
    out = translated({'a.w1': weight}, 'a net', (PLACES, LEAVES))
    assert list(out) == ['x.weight.1'] and out['x.weight.1'] is weight
    with pytest.raises(UserError, match="'a.v' is no name of a net"):
        translated({'a.v': weight}, 'a net', (PLACES, LEAVES))
    with pytest.raises(UserError, match="'w01' and 'w1' both stand for 'w'"):
        translated({
            'w1': weight,
            'w01': weight
        }, 'a net', ((('w0?1', 'w'), ), ))
