"""Time the forms of whole nets on a CPU, in torch and in other runtimes."""
from contextlib import nullcontext
from functools import partial
from typing import Any, Callable, List, NamedTuple, Optional, Sequence

import torch
from mmengine.config import Config
from torch import Tensor, nn

from ..deploy.stock_config import plain_config
from ..errors import UserError, one_line
from ..export.onnx_parts import Part, is_detector
from ..fusing.net import fuse
from ..hosts import load_config
from ..nets.walk import branch_by_branch, rep_layers
from ..synthetic import synthetic_batch
from .inference import BRANCHES, EVAL, FUSED, PLAIN
from .random_nets import with_usual_numbers
from .runtime_files import FLOAT32, open_files
from .timing import Seconds, in_turn, median, timed
from .training_step import model_for

TORCH = 'torch'
IMAGES = 4  # random ones to calibrate with


class Timed(NamedTuple):
    """A form of a net in a runtime, with an image.

    Attributes:
        config: The path of the config.
        form: The name of the form.
        runtime: The name of the runtime.
        precision: The name of the type that it computes with.
        call: The function that runs it on the image.
        model: The model in torch. Defaults to None: a file runs.
    """

    config: str
    form: str
    runtime: str
    precision: str
    call: Callable[[], Any]
    model: Optional[nn.Module] = None

    def timed(self) -> Seconds:
        """Run it twice and return the seconds of the second time.

        The first time brings its weights and threads back, in whose place
        those of other forms have come.
        """
        branches = self.form == BRANCHES
        with branch_by_branch(self.model) if branches else nullcontext():
            self()
            return timed(self)

    @torch.no_grad()
    def __call__(self) -> Any:
        """Run it once and return what it gives."""
        try:
            return self.call()
        except Exception as error:  # whatever a model or a runtime raises
            raise UserError(
                f'config {self.config!r} does not run on random images in '
                f'{self.runtime}: {one_line(error)[:200]}') from error


def latency_forms(path: str, size: Sequence[int], runtimes: Sequence[str],
                  int8: bool) -> List[Timed]:
    """Build the forms of a config's net; the first one is plain, in torch.

    Args:
        path: The path of the config.
        size: The height and width of the images in pixels.
        runtimes: The names of the runtimes; with 'torch' the rich and the
            fused net run there, too.
        int8: True adds INT8, except in torch.

    Raises:
        UserError: The config cannot be read, or its net cannot be built,
            exported or quantised.
    """
    cfg = load_config(path)
    models, images = _models(cfg, size)
    forms = [
        _in_torch(path, form, model, cfg, images[0])
        for form, model in models.items() if form == PLAIN or TORCH in runtimes
    ]
    deployed = list(models)[-1]
    files = open_files(models[deployed], images,
                       [name for name in runtimes if name != TORCH], int8)
    return forms + [Timed(path, deployed, *file) for file in files]


def _models(cfg: Config, size: Sequence[int]) -> tuple:
    """Return the forms of a config's model, the last deployed, and images."""
    model = model_for(cfg, size).cpu().eval()
    images = _images(cfg, model, size)
    with_usual_numbers(model, images[0])
    if not any(rep_layers(model)):
        return {PLAIN: model}, images
    plain = model_for(plain_config(cfg), size).cpu().eval()
    plain = with_usual_numbers(plain, images[0])
    fused = fuse(model)
    return {PLAIN: plain, BRANCHES: model, EVAL: model, FUSED: fused}, images


def _images(cfg: Config, model: nn.Module,
            size: Sequence[int]) -> List[Tensor]:
    batch = synthetic_batch(cfg.default_scope, tuple(size), IMAGES)
    with torch.no_grad():
        inputs = model.data_preprocessor(batch)['inputs']
    return list(inputs.split(1))


def _in_torch(path: str, form: str, model: nn.Module, cfg: Config,
              x: Tensor) -> Timed:
    """Return a model as its host runs it, up to its logits or boxes."""
    if is_detector(model):
        # with padding: a file knows the padded size alone
        batch = synthetic_batch(cfg.default_scope, tuple(x.shape[2:]), 1)
        samples = batch['data_samples']
        call = partial(model.predict, x, samples, rescale=False)
    else:
        call = partial(Part(model, 'whole'), x)
    return Timed(path, form, TORCH, FLOAT32, call, model)


def compare_latency(forms: Sequence[Timed], rounds: int,
                    progress: Callable[[], object]) -> List[dict]:
    """Time the forms of a net in turn.

    Args:
        forms: The forms from :func:`latency_forms`.
        rounds: The number of times to time each form.
        progress: The function to call ``rounds + 1`` times for each form.

    Returns:
        A row for each form. ``ratio`` refers to the first one. ``boxes`` is
        the number of boxes in the image, None of a net that finds none.
    """
    times = in_turn([form.timed for form in forms], rounds, progress)
    seconds = [sum(median(taken)) for taken in times]
    return [
        dict(
            config=form.config,
            form=form.form,
            runtime=form.runtime,
            precision=form.precision,
            boxes=boxes_in(form()),
            seconds=own,
            ratio=own / seconds[0]) for form, own in zip(forms, seconds)
    ]


def boxes_in(found: Any) -> Optional[int]:
    """Return how many boxes an image's results have, None if they are others.

    Args:
        found: What a form gives: the samples of mmdet, or the outputs of a
            file or a part.
    """
    if hasattr(found[0], 'pred_instances'):
        return len(found[0].pred_instances)
    return int((found[2] >= 0).sum()) if len(found) == 3 else None
