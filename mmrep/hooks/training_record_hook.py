"""The hook that writes down what a training costs and what it reaches."""
import json
import os.path as osp
import time
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Optional

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from ..atomic import write_json, write_together
from .training_costs import device_name, numbers_of, peak

NAME = 'training_record.json'  # in the work dir of the run
KEPT = 'training_seconds'  # in mmengine's message hub, thus in checkpoints
PAUSE = 1.  # seconds between two writes, at least


@HOOKS.register_module()
class TrainingRecordHook(Hook):
    """Hook that records the time, memory and validations of a training.

    It writes ``training_record.json`` into the work dir: the iterations so
    far and in all, the seconds of training without validations, the highest
    memory in MiB (that of the allocator on a GPU, that of the process on a
    CPU), the most parameters that the model has had, and the metrics of each
    validation. A resumed run goes on with the seconds of its checkpoint and
    forgets the validations behind it.

    Raises:
        UserError: The file cannot be written.

    Examples:
        >>> from mmengine.registry import HOOKS
        >>> import mmrep
        >>> custom_hooks = [dict(type='TrainingRecordHook')]  # in a config
        >>> type(HOOKS.build(custom_hooks[0])).__name__
        'TrainingRecordHook'
    """

    priority = 'LOW'  # after hooks that work on weights, before checkpoints

    def __init__(self) -> None:
        self.since: Optional[float] = None
        self.before = 0.
        self.written = 0.
        self.seen: Dict[str, float] = dict(memory=0, parameters=0)
        self.curve: List[dict] = []

    def before_train(self, runner: Runner) -> None:
        if runner.iter:
            self._go_on(runner)
        self._note(runner)

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: Any = None) -> None:
        if self.since is None:
            self.since = time.perf_counter()

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Any = None,
                         outputs: Optional[dict] = None) -> None:
        runner.message_hub.update_info(KEPT, self.seconds)
        if time.perf_counter() > self.written + PAUSE:
            self._write(runner, runner.iter + 1)

    def before_val_epoch(self, runner: Runner) -> None:
        self.before, self.since = self.seconds, None

    def after_val_epoch(self,
                        runner: Runner,
                        metrics: Optional[Dict[str, float]] = None) -> None:
        self._note(runner)
        self.curve.append(
            dict(
                iteration=runner.iter,
                seconds=self.seconds,
                metrics=numbers_of(metrics or {})))
        self._write(runner, runner.iter)

    def after_train(self, runner: Runner) -> None:
        self.before, self.since = self.seconds, None
        self._note(runner)
        self._write(runner, runner.iter)

    @property
    def seconds(self) -> float:
        """The seconds of training so far."""
        if self.since is None:
            return self.before
        return self.before + time.perf_counter() - self.since

    def _go_on(self, runner: Runner) -> None:
        """Take over what the resumed run has recorded before."""
        hub = runner.message_hub
        self.before = hub.get_info(KEPT) if KEPT in hub.runtime_info else 0.
        record = read_record(runner.work_dir)
        for name in self.seen:
            self.seen[name] = record.get(name, 0)
        self.curve = [
            point for point in record.get('curve', ())
            if point['iteration'] <= runner.iter
        ]

    def _note(self, runner: Runner) -> None:
        """Keep the most parameters and the highest memory so far."""
        count = sum(p.numel() for p in runner.model.parameters())
        for name, value in dict(memory=peak(), parameters=count).items():
            self.seen[name] = max(self.seen[name], value)

    @master_only
    def _write(self, runner: Runner, iteration: int) -> None:
        self.written = time.perf_counter()
        record = dict(
            iteration=iteration,
            length=runner.max_iters,
            seconds=self.seconds,
            device=device_name(),
            curve=self.curve,
            **self.seen)
        path = osp.join(runner.work_dir, NAME)
        write_together({path: partial(write_json, record)})


def read_record(work_dir: str) -> dict:
    """Return the record of a run, empty if there is none.

    Args:
        work_dir: The work dir of the run.
    """
    try:
        return json.loads(Path(work_dir, NAME).read_text())
    except (OSError, ValueError):
        return {}
