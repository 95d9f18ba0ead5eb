"""Building the model of a config."""
import pytest

from mmrep.errors import UserError
from mmrep.hosts import build_model, load_config
from mmrep.structures.matching import check_checkpoint_matches


@pytest.mark.parametrize('tiny', ['tiny_seg', 'tiny_det', 'tiny_cls'])
def test_builds_in_every_host(request, tiny):
    cfg = load_config(request.getfixturevalue(tiny))
    before = cfg.pretty_text
    model = build_model(cfg)
    assert cfg.pretty_text == before
    assert type(model).__module__.split('.')[0] == cfg.default_scope
    check_checkpoint_matches(model, build_model(cfg).state_dict())


def test_unbuildable(tiny_seg):
    for option, value, part in (('type', 'NoSuchNet', 'NoSuchNet'),
                                ('decode_head.num_classes', None,
                                 ''), ('decode_head.foo', 1,
                                       'foo'), ('backbone.depth', 19, '19')):
        cfg = load_config(tiny_seg, {f'model.{option}': value})
        with pytest.raises(UserError, match='cannot build the model') as e:
            build_model(cfg)
        assert part in str(e.value) and tiny_seg in str(e.value)
        assert '\n' not in str(e.value)
    cfg = load_config(tiny_seg, {'model': None})
    with pytest.raises(UserError, match='has no `model`'):
        build_model(cfg)
