"""Measure the time of the host alone, which a fast GPU waits for.

The backbones have the structure of their configs and few channels, so that
arithmetic takes next to no time.
"""
import contextlib
from functools import reduce
from operator import add
from typing import Any, Callable, Iterator, List, Sequence

import torch
from mmengine.config import Config
from mmengine.device import get_device
from torch import nn

from ..hosts import load_config
from .backbone_alone import BackboneAlone
from .comparison import PARTS, Steps, in_way, steps_of, time_rows
from .kernels import in_ways
from .launches import Launches, as_on_a_gpu
from .timing import Laps, Seconds
from .tiny import tiny
from .training_step import TrainingStep, training_model

LAUNCHED = tuple(f'launched_{part}' for part in PARTS)


class HostStep(TrainingStep):
    """A training step of a backbone alone, on images that are ready.

    Args:
        cfg: The config of the optimizer.
        model: The backbone, as a :class:`.BackboneAlone`.
        size: The height and width of the images in pixels.
        batch_size: The number of images in a batch.

    Raises:
        UserError: The optimizer cannot be built.
    """

    def __init__(self, cfg: Config, model: nn.Module, size: Sequence[int],
                 batch_size: int) -> None:
        super().__init__(cfg, model, size, batch_size)
        self.batch = torch.rand(batch_size, 3, *size, device=get_device())

    def launched(self) -> Seconds:
        """Take a step and count the operations that would launch a kernel.

        Returns:
            The operations of forward, backward and optimizer, see
            :class:`.Launches`.
        """
        with as_on_a_gpu(self.optim_wrapper), Launches() as seen:
            return self._parts(self.batch, Laps(lambda: seen.count))

    def _train(self, batch: Any) -> None:
        wrapper = self.optim_wrapper
        with wrapper.optim_context(self.model):
            features = self.model.backbone(batch)
            loss = reduce(add, [feature.mean() for feature in features])
        wrapper.backward(loss)
        wrapper.step()
        wrapper.zero_grad()


def host_steps(configs: Sequence[str],
               size: Sequence[int],
               batch_size: int,
               kernels: Sequence[str] = (),
               progress: Callable[..., object] = lambda *_: None) -> Steps:
    """Build the steps of tiny backbones of the structures of configs.

    Args:
        configs: The paths of the configs.
        size: The height and width of the images in pixels.
        batch_size: The number of images in a batch.
        kernels: See :func:`.training_steps`.
        progress: See :func:`.training_steps`.

    Returns:
        See :func:`.training_steps`. The steps are each a :class:`HostStep`.

    Raises:
        UserError: A backbone cannot be made tiny, or a config cannot be
            trained.
    """
    steps = []
    for path in configs:
        progress(path)
        cfg = tiny(load_config(path))

        def build() -> nn.Module:
            return BackboneAlone(training_model(cfg, size)).train()

        for way, model in in_ways(build, kernels):
            found = steps_of(path, cfg, model, size, batch_size, progress,
                             HostStep)
            steps += in_way(way, found)
    return steps


def compare_host(steps: Steps, rounds: int,
                 progress: Callable[[], object]) -> List[dict]:
    """Measure the host's time of steps in turn, with one thread.

    Args:
        steps: The steps from :func:`host_steps`.
        rounds: The number of times to time each step.
        progress: The function to call ``rounds + 2`` times for each step.

    Returns:
        A row for each step. ``seconds`` is the sum of the seconds of the
        parts, ``launched`` that of the operations that would launch a kernel.
        ``ratio`` and ``launched_ratio`` refer to the first row.
    """
    with _one_thread():
        rows = [_counted(head, step, progress) for head, step in steps]
        time_rows(rows, steps, rounds, progress)
    for row in rows:
        row['launched_ratio'] = row['launched'] / rows[0]['launched']
    return rows


def _counted(head: dict, step: HostStep, progress: Callable[[],
                                                            object]) -> dict:
    """Return the beginning of a row, with what a step launches."""
    step()  # makes the optimizer's state, compiles what is to be compiled
    parts = step.launched()
    progress()
    return dict(
        **head,
        parameters=sum(p.numel() for p in step.model.parameters()),
        launched=sum(parts),
        **dict(zip(LAUNCHED, parts)))


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
