"""Suppression is right up to ties, and nothing else is."""
import pytest
import torch

from mmrep.boxes.ties import Rule, fault_of

from .test_matching import boxes

RULE = Rule(0.5, None)
BEST = (0, 0, 10, 10, .9, 0)
TWIN = (0, 1, 10, 11, .9, 0)  # overlaps by 9/11 with BEST, as good
LESS = (0, 2, 10, 12, .8, 0)  # overlaps with both
FAR = (50, 50, 60, 60, .7, 0)
OTHER = (0, 0, 10, 10, .6, 1)  # of another class
ALL = (BEST, TWIN, LESS, FAR, OTHER)


def fault(found, rule=RULE, chosen=ALL, candidates=ALL, least=.1):
    return fault_of(
        boxes(*found), boxes(*candidates), boxes(*chosen), least, rule)


@pytest.mark.parametrize('kept', [(BEST, FAR, OTHER), (TWIN, FAR, OTHER)])
def test_either_of_a_tie(kept):
    assert fault(kept) is None


def test_faults():
    assert 'is missing' in fault((BEST, FAR))
    assert 'is missing' in fault((LESS, FAR, OTHER))  # it is not as good
    assert 'overlap' in fault((BEST, TWIN, FAR, OTHER))
    moved = (50, 50, 60, 60.5, .7, 0)
    assert 'none of the candidates' in fault((BEST, moved, OTHER))
    assert 'none of the candidates' in fault(((*BEST[:4], .91, 0), FAR, OTHER))
    assert 'none of the candidates' in fault(((*BEST[:5], 1), FAR, OTHER))
    assert 'is missing' in fault(())


def test_settings():
    assert fault((BEST, FAR), Rule(.5, None, apart=False)) is None
    assert fault((BEST, FAR), least=.65) is None
    assert fault((BEST, LESS, FAR, OTHER), Rule(.9,
                                                None)) == 'a box is missing'
    assert fault((BEST, ), Rule(.5, 1)) is None
    assert fault((TWIN, ), Rule(.5, 1)) is None
    assert 'is missing' in fault((FAR, ), Rule(.5, 1))


def test_the_limit_of_a_level():
    """A candidate as good as one that was not chosen may be missing."""
    assert fault((BEST, FAR), chosen=(BEST, TWIN, LESS, FAR)) is None
    assert fault((BEST, OTHER), chosen=(BEST, TWIN, LESS, OTHER)) is None
    same = (70, 70, 80, 80, .7, 0)
    chosen, candidates = (BEST, TWIN, LESS, FAR), (*ALL[:4], same)
    for kept in (FAR, same):
        assert fault((BEST, kept), RULE, chosen, candidates) is None


def test_a_rule_of_a_config():
    config = dict(nms=dict(type='nms', iou_threshold=.4), max_per_img=7)
    assert Rule.of(config) == (.4, 7, True)
    config = dict(nms=dict(iou_thr=.3, class_agnostic=True))
    assert Rule.of(config) == (.3, None, False)


def test_any_class():
    """Proposals of mmdet do not tell their level."""
    unknown = torch.full((len(ALL), ), -1)
    candidates = boxes(*ALL)._replace(labels=unknown)
    found = boxes(BEST, FAR, OTHER)
    assert fault_of(found, candidates, candidates, .1, RULE) is None
