"""Time the forms of a whole net on a CPU, in torch and in other runtimes."""
from contextlib import nullcontext
from functools import partial
from typing import Any, Callable, List, NamedTuple, Sequence

import torch
from torch import nn

from ..deploy.runtimes import need
from ..nets.walk import branch_by_branch
from .inference import BRANCHES
from .runtime_files import FLOAT32, INT8, TORCH, packages_for
from .timing import Seconds, in_turn, median, timed


class Timed(NamedTuple):
    """A form of a net in a runtime.

    Attributes:
        form: The name of the form.
        runtime: The name of the runtime.
        precision: The name of the type that it computes with.
        call: The function that runs it on an image.
        model: The model. Defaults to None: a file runs.
    """

    form: str
    runtime: str
    precision: str
    call: Callable[[], Any]
    model: nn.Module = None

    def timed(self) -> Seconds:
        """Run it twice and return the seconds of the second run.

        The first one brings weights and threads back, which another form had
        pushed out.
        """
        branches = self.form == BRANCHES
        with branch_by_branch(self.model) if branches else nullcontext():
            with torch.no_grad():
                self.call()
                return timed(self.call)
