"""Images of a config, prepared as for a test."""
import copy
import io
from contextlib import redirect_stdout
from typing import Callable, List

import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope
from torch import Tensor, nn

from ..errors import UserError, brief
from .data import check_datasets

LOADER = 'val_dataloader'
HISTOGRAMS = ('entropy', 'percentile')


def calibration_images(cfg: Config, preprocessor: nn.Module,
                       count: int) -> List[Tensor]:
    """Return training images, prepared as for a test.

    Args:
        cfg: The config of the net.
        preprocessor: The ``data_preprocessor`` of the net.
        count: The number of images, taken at equal distances from the set.

    Returns:
        A tensor of (1, C, H, W) for each image.

    Raises:
        UserError: The set has no image, or an image cannot be read.
    """
    images = _images(cfg, _as_in_a_test, preprocessor, count)
    if not images:
        raise UserError('there is no image to calibrate with: '
                        f'`train_dataloader` of config {cfg.filename!r} has '
                        'an empty dataset')
    return images


def validation_images(cfg: Config, preprocessor: nn.Module,
                      count: int) -> List[Tensor]:
    """Return validation images, none if the data are not on this machine.

    Args:
        cfg: The config of the net.
        preprocessor: The ``data_preprocessor`` of the net.
        count: The number of images, taken at equal distances from the set.

    Returns:
        A tensor of (1, C, H, W) for each image.

    Raises:
        UserError: An image cannot be read.
    """
    try:
        check_datasets(cfg, (LOADER, ))
    except UserError:
        return []
    if not cfg.get(LOADER):
        return []
    return _images(cfg, _validation_set, preprocessor, count)


def _images(cfg: Config, dataset_of: Callable[[Config], dict],
            preprocessor: nn.Module, count: int) -> List[Tensor]:
    init_default_scope(cfg.default_scope)
    try:
        with redirect_stdout(io.StringIO()):  # of pycocotools
            dataset = DATASETS.build(dataset_of(cfg))
        count = min(count, len(dataset))
        places = [i * len(dataset) // count for i in range(count)]
        return [_preprocessed(preprocessor, dataset[i]) for i in places]
    except Exception as error:  # whatever a dataset or a transform raises
        raise UserError(
            'cannot read the images of the dataset through the pipeline of '
            f'`{LOADER}` of config {cfg.filename!r}: {brief(error)}'
        ) from error


def check_sizes(images: List[Tensor], method: str) -> None:
    """Refuse images of several sizes where onnxruntime needs one.

    Args:
        images: The images from :func:`calibration_images`.
        method: The method that finds the ranges of activations.

    Raises:
        UserError: The method builds histograms, and the images have several
            sizes.
    """
    sizes = {tuple(image.shape[2:]) for image in images}
    if method in HISTOGRAMS and len(sizes) > 1:
        raise UserError(
            f'--calibration {method} needs images of one size and these have '
            f'{len(sizes)}: make them one in the pipeline of `{LOADER}`, or '
            'take --calibration minmax')


def _validation_set(cfg: Config) -> dict:
    return copy.deepcopy(cfg[LOADER].dataset)


def _as_in_a_test(cfg: Config) -> dict:
    """Return the training set with the pipeline of the validation set."""
    dataset = copy.deepcopy(cfg.train_dataloader.dataset)
    while 'pipeline' in dataset and 'dataset' in dataset:
        dataset = dataset.dataset  # the wrapper would mix images
    pipeline = _innermost(cfg[LOADER].dataset)[0]['pipeline']
    for inner in _innermost(dataset):
        inner['pipeline'] = copy.deepcopy(pipeline)
    return dataset


def _preprocessed(preprocessor: nn.Module, sample: dict) -> Tensor:
    batch = dict(
        inputs=[sample['inputs']], data_samples=[sample['data_samples']])
    with torch.no_grad():
        return preprocessor(batch, False)['inputs']


def _innermost(dataset: dict) -> List[dict]:
    """List the datasets inside wrappers such as RepeatDataset."""
    inner = dataset.get('dataset', dataset.get('datasets'))
    if inner is None:
        return [dataset]
    inner = inner if isinstance(inner, (list, tuple)) else [inner]
    return [found for each in inner for found in _innermost(each)]
