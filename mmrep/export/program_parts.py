"""Parts of a model for torch.export, as functions from images to tensors."""
from typing import Callable, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from ..boxes import Size
from ..boxes.every_prior import boxes_of_priors, dense_head
from ..boxes.support import way_of
from ..errors import UserError
from ..nets.walk import branch_by_branch
from .nets import Nets
from .onnx_parts import Part, is_detector

PARTS = ('backbone', 'neck', 'heads', 'candidates', 'whole')
OF_DETECTORS = ('heads', 'candidates')


def default_part(model: nn.Module) -> str:
    """Return the largest part of a model that torch.export can hold."""
    return 'candidates' if is_detector(model) else 'whole'


class ProgramPart(Part):
    """A part as :class:`Part`, or what a detector's dense head makes.

    Args:
        model: The model of mmdet, mmseg or mmpretrain.
        part: The name of the part: 'backbone', 'neck', 'heads', 'candidates'
            or 'whole'.

    Shape:
        - Input: (N, C, H, W), preprocessed images.
        - Output: a tuple. For 'heads', the maps of all levels of the first
          kind, such as classes, then those of the next kind. For
          'candidates', see :func:`mmrep.boxes.every_prior.boxes_of_priors`.

    Raises:
        UserError: The model has no such part, or it cannot be exported.
    """

    def __init__(self, model: nn.Module, part: str) -> None:
        _check_part(model, part)
        super().__init__(model, part)

    def _heads(self, x: Tensor, size: Optional[Size]) -> Sequence[Tensor]:
        return dense_head(self.model)(self.model.extract_feat(x))

    def _candidates(self, x: Tensor,
                    size: Optional[Size]) -> Tuple[Tensor, ...]:
        # as a tensor, since one made of a number would keep that number
        size = tuple(
            torch.full((), side, dtype=torch.float, device=x.device)
            for side in size or x.shape[2:])
        maps = self._heads(x, size)
        return boxes_of_priors(dense_head(self.model), maps, size)


def _check_part(model: nn.Module, part: str) -> None:
    kind = type(model).__name__
    if getattr(model, 'backbone', None) is None:
        return  # Part refuses it
    if part == 'whole' and is_detector(model):
        raise UserError(
            f'--part whole of a {kind} cannot be exported: torch.export has '
            'no suppression of boxes, export --part candidates, or to ONNX '
            'by tools/export_onnx.py')
    if part not in OF_DETECTORS:
        return
    if not is_detector(model):
        raise UserError(f'a {kind} has no --part {part}, which is for '
                        'detectors: export --part whole')
    if dense_head(model) is None:
        raise UserError(f'a {kind} has no dense head, which --part {part} '
                        'needs: export --part neck')
    if part == 'candidates':
        way_of(dense_head(model))


def reference_of(nets: Nets, part: str) -> Callable[[Tensor], tuple]:
    """Return the function that a program is compared with.

    This is the training form, branch by branch, or the plain net if no
    training form is known.
    """
    own = ProgramPart(nets.plain if nets.rich is None else nets.rich, part)

    def run(x: Tensor) -> tuple:
        with branch_by_branch(own):
            return own(x)

    return run
