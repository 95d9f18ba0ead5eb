"""The metric that decides a comparison."""
from typing import Iterable, Mapping, Optional, Sequence

from mmengine.config import Config

from ..answers.results import Result
from ..errors import UserError

# the usual metrics of mmdet, mmseg and mmpretrain, of which one is there
USUAL = ('coco/bbox_mAP', 'coco/segm_mAP', 'pascal_voc/mAP', 'mIoU',
         'accuracy/top1', 'single-label/f1-score', 'multi-label/mAP')


def deciding(metric: Optional[str], results: Sequence[Result],
             cfg: Config) -> str:
    """Return the name of the metric that decides.

    Args:
        metric: The name that was asked for, or None: ``save_best`` of the
            config's CheckpointHook, else a usual metric of the hosts.
        results: The finished runs.
        cfg: The config of the baseline.

    Raises:
        UserError: A result lacks the metric, or none is usual.
    """
    name = _best_of(cfg) if metric is None else metric
    for result in results:
        name = name if name is not None else _usual(result.metrics)
        if name not in result.metrics:
            there = ', '.join(result.metrics)
            what = ('none of them is usual'
                    if name is None else f'--metric (={name!r}) is none')
            raise UserError(
                f'{result.net} has the metrics {there}, and {what}: name one '
                'of these with --metric; the finished runs are kept')
    return name


def lower_is_better(metric: str, cfg: Config) -> bool:
    """Return True if the config saves the lowest values of a metric as best.

    Args:
        metric: The name of the metric.
        cfg: The config of the baseline.
    """
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    return hook.get('save_best') == metric and hook.get('rule') == 'less'


def _best_of(cfg: Config) -> Optional[str]:
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    best = hook.get('save_best')
    return best if isinstance(best, str) and best != 'auto' else None


def _usual(metrics: Mapping[str, float]) -> Optional[str]:
    found = [name for name in USUAL if name in metrics]
    return found[0] if found else _only(metrics)


def _only(names: Iterable[str]) -> Optional[str]:
    names = list(names)
    return names[0] if len(names) == 1 else None
