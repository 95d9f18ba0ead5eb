"""Find out that a dataset is missing before anything is built."""
import os.path as osp
import re
from typing import Any, Iterator, List, Sequence

from mmengine.config import Config

from ..hosts.rules import DICT, TEXT
from ..hosts.values import check_value
from .errors import UserError

# datasets that fetch their files themselves
DOWNLOADING = ('CIFAR10', 'CIFAR100', 'FashionMNIST', 'MNIST')
# folders that tools of this repository write
OWN = dict(
    shapes='make_shapes.py {}',
    shapes_hard='make_shapes.py {} --hard',
    digits='make_digits.py {}')
PREPARE = dict(
    mmdet="mmdet's docs, 'Dataset Prepare' "
    '(docs/en/user_guides/dataset_prepare.md)',
    mmseg="mmseg's docs, 'Prepare datasets' "
    '(docs/en/user_guides/2_dataset_prepare.md)',
    mmpretrain="mmpretrain's docs, 'Prepare Dataset' "
    '(docs/en/user_guides/dataset_prepare.md)')


def check_datasets(
    cfg: Config,
    loaders: Sequence[str] = ('train_dataloader', 'val_dataloader')
) -> None:
    """Refuse a config whose dataset folders or annotations are missing.

    Args:
        cfg: The config from :func:`load_config`.
        loaders: The names of the dataloaders that will be used; names that
            the config does not have are skipped. Defaults to those of
            training and validation.

    Raises:
        UserError: A folder or an annotation file is missing.
    """
    for loader in filter(cfg.get, loaders):
        evaluator = cfg.get(loader.replace('dataloader', 'evaluator'))
        paths = [p for d in _datasets(cfg.get(loader)) for p in _paths(d)]
        for metric in _listed(evaluator):
            # an evaluator names its annotation file itself
            paths += _strings(metric.get('ann_file'))
        for path in paths:
            if not _is_remote(path) and not osp.exists(path):
                raise UserError(
                    f'no dataset at {path!r} ({loader} of config '
                    f'{cfg.filename!r}; looked for {osp.abspath(path)}): '
                    f'{_way_out(cfg, path)}')


def _datasets(node: Any) -> Iterator[dict]:
    """Yield the datasets inside wrappers such as RepeatDataset."""
    for item in _listed(node):
        check_value('`dataset`', item, DICT, 'of a dataloader')
        inner = item.get('dataset', item.get('datasets'))
        if inner is None:
            yield item
        else:
            yield from _datasets(inner)


def _paths(dataset: dict) -> List[str]:
    """List the local files and folders that a dataset reads."""
    if str(dataset.get('type')).split('.')[-1] in DOWNLOADING:
        return []
    root = dataset.get('data_root') or ''
    check_value('`data_root`', root, TEXT, 'of a dataset')
    inside = [
        value for key in ('ann_file', 'data_prefix')
        for value in _strings(dataset.get(key))
    ]
    return [p for p in [root, *(osp.join(root, i) for i in inside)] if p]


def image_folders(loader: dict) -> List[str]:
    """List the local folders that a dataloader reads images from.

    Args:
        loader: The dataloader's part of a config.

    Returns:
        The folders that the datasets name; the roots of datasets that name
        none.
    """
    found = []
    for dataset in _datasets(loader):
        root = dataset.get('data_root') or ''
        named = _strings(dataset.get('data_prefix'))
        found += [osp.join(root, name) for name in named] or [root]
    return [p for p in found if p and not _is_remote(p)]


def _listed(node: Any) -> Sequence:
    """Return one item, several or none as a list."""
    if not node:
        return []
    return node if isinstance(node, (list, tuple)) else [node]


def _strings(value: Any) -> List[str]:
    """List the strings in a string, a sequence or the values of a dict."""
    values = value.values() if isinstance(value, dict) else _listed(value)
    return [v for v in values if isinstance(v, str) and v]


def _is_remote(path: str) -> bool:
    """Return True if a path is one like ``s3://bucket``, not a local one."""
    return re.match(r'\w{2,}:', path) is not None


def _way_out(cfg: Config, path: str) -> str:
    """Name the command or the page of the docs that makes a dataset."""
    parts = re.split(r'[\\/]', path)
    for name, command in OWN.items():
        if name in parts:
            root = '/'.join(parts[:parts.index(name) + 1])
            return f'make it with `python tools/{command.format(root)}`'
    if 'coco' in path.lower():
        name, host = 'COCO', 'mmdet'
    elif 'cityscapes' in path.lower():
        name, host = 'Cityscapes', 'mmseg'
    else:
        name, host = 'it', cfg.default_scope
    page = PREPARE.get(host, f"{host}'s docs on its datasets")
    return f'to prepare {name} see {page}'
