"""The metric that decides."""
import pytest
from mmengine.config import Config

from mmrep.comparing.metrics import deciding, lower_is_better
from mmrep.errors import UserError

from .conftest import result


def config(best=None):
    hook = dict(type='CheckpointHook', save_best=best)
    return Config(dict(default_hooks=dict(checkpoint=hook)))


def found(**metrics):
    return [
        result(metrics={
            k.replace('__', '/'): v
            for k, v in metrics.items()
        })
    ]


@pytest.mark.parametrize('metrics, name', [
    (dict(aAcc=1., mIoU=2., mAcc=3.), 'mIoU'),
    (dict(coco__bbox_mAP_50=1., coco__bbox_mAP=2.), 'coco/bbox_mAP'),
    (dict(accuracy__top5=1., accuracy__top1=2.), 'accuracy/top1'),
    (dict(mine=1.), 'mine')])  # yapf: disable
def test_the_usual_one(metrics, name):
    assert deciding(None, found(**metrics), config('auto')) == name


def test_the_one_that_saves_the_best():
    assert deciding(None, found(mIoU=1., mAcc=2.), config('mAcc')) == 'mAcc'


def test_the_one_that_is_named():
    results = found(mIoU=1., mAcc=2., aAcc=1.)
    assert deciding('aAcc', results, config('mAcc')) == 'aAcc'


def test_a_config_without_hooks():
    assert deciding(None, found(mIoU=1.), Config({})) == 'mIoU'


@pytest.mark.parametrize('metric', ['mIOU', ''])
def test_a_metric_that_is_lacking(metric):
    with pytest.raises(
            UserError, match=r'metrics mIoU, mAcc, and --metric.*are kept'):
        deciding(metric, found(mIoU=1., mAcc=2.), config())


def test_none_is_usual():
    with pytest.raises(
            UserError, match='a, b, and none of them is usual: name one'):
        deciding(None, found(a=1., b=2.), config())


def test_one_net_lacks_it():
    results = found(mIoU=1., mAcc=1.) + [result('rich', metrics={'a': 1.})]
    with pytest.raises(
            UserError,
            match="rich has the metrics a, and --metric \\(='mIoU'\\) is none"
    ):
        deciding(None, results, config())


def test_a_metric_whose_lowest_value_is_the_best():
    hook = dict(type='CheckpointHook', save_best='error', rule='less')
    cfg = Config(dict(default_hooks=dict(checkpoint=hook)))
    assert lower_is_better('error', cfg)
    assert not lower_is_better('mIoU', cfg)
    assert not lower_is_better('error', config('error'))
