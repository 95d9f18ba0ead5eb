"""Architectures of RepVGG by their names and parts."""
import pytest

from mmrep.backbones.repvgg_arch import architecture
from mmrep.errors import UserError

PARTS = dict(num_blocks=(1, 2, 3, 1), width_factor=(1, 1, 1, 2.5))


@pytest.mark.parametrize('name, se', [('B2', (False, False)),
                                      ('D2se', (True, False)),
                                      ('L2pse', (False, True))])
def test_names(name, se):
    """RepVGGplus is as wide as B2, and as deep as D2se."""
    arch = architecture(name)
    assert arch.num_blocks == ((4, 6, 16, 1) if name == 'B2' else
                               (8, 14, 24, 1))
    assert arch.width_factor == (2.5, 2.5, 2.5, 5)
    assert arch.groups == 1
    assert (arch.with_se, arch.with_post_se) == se


def test_parts():
    arch = architecture(dict(PARTS, with_post_se=True))
    assert arch == (*PARTS.values(), 1, False, True)


@pytest.mark.parametrize('change, message', [
    (dict(with_se=True, with_post_se=True), 'keep one of them'),
    (dict(with_post_se='yes'), r"`with_post_se` \(='yes'\) must be True or"),
    (dict(post_se=True), "`arch` has 'post_se', it may have num_blocks, "),
    (dict(num_blocks=(1, 2, 3, 0)), "a 'num_blocks' of 4 stages, numbers abo"),
    (dict(num_blocks=4), "a 'num_blocks' of 4 stages"),
    (dict(width_factor='1111'), "a 'width_factor' of 4 stages"),
    (dict(groups=0), r"'groups' \(=0\) of `arch` must be a whole number"),
])
def test_impossible_parts(change, message):
    with pytest.raises(UserError, match=message):
        architecture({**PARTS, **change})


@pytest.mark.parametrize('name', ['L2', 'L2se', 'D2', 'B2pse', None])
def test_unknown_names(name):
    with pytest.raises(UserError, match='must be one of'):
        architecture(name)
