"""Compare the boxes of an ONNX file with those of mmdet."""
import contextlib
from typing import Callable, Iterator, List, Optional, Sequence

from torch import Tensor, nn

from ..boxes.matching import fault_of_layout, match
from ..boxes.predicted import Boxes, boxes_in, changed, last_config, predicted
from ..boxes.support import limit_of
from ..errors import brief
from .box_difference import Difference
from .box_function import Function
from .box_rounding import hint
from .box_ties import Ties
from .host_outputs import preparation
from .onnx_check import Agreement, Mismatch, Traced, run, session
from .onnx_parts import Part

IMAGES = 8  # random ones, at least
NOTHING = (
    'torch finds no box in {} images, not even with a score_thr of '
    '{:.0e}, so nothing can be compared: take a trained net, or a config'
    ' whose `val_dataloader` has images of objects')
FEWEST = 10  # boxes in all images; below, the threshold is lowered
POWERS = range(1, 8)  # of a tenth, by which it is lowered


class Comparison:
    """Boxes of an ONNX file against those that mmdet predicts.

    Args:
        model: The detector whose ``predict`` is right.
        part: The part of an equal detector that is exported.
        images: Images of the user as the part takes them, in batches of 1.
            Defaults to None: random ones.
    """

    def __init__(self,
                 model: nn.Module,
                 part: Part,
                 images: Optional[Sequence[Tensor]] = None) -> None:
        self.model = model
        self.part = part
        self.images = images or []
        self.prepare = preparation(model, part.takes)

    def __call__(self, data: bytes, traced: Traced,
                 export_again: Callable[[], bytes]) -> Agreement:
        """Return how well a file agrees on the images.

        Random nets and random images have few boxes. If there are fewer than
        ``FEWEST``, the net is exported once more with a lower threshold of
        scores, and that file is compared as well.

        Args:
            data: The bytes of the file.
            traced: The shapes that it must take.
            export_again: The function that exports the net with the present
                settings.
        """
        inputs = list(self._inputs(traced))
        found = self._agreement(data, inputs, export_again)
        if found.fault:
            hinted = hint(self.model, map(self.prepare, inputs[-2:]))
            return found._replace(fault=found.fault + hinted)
        return found

    def _agreement(self, data: bytes, inputs: Sequence[Tensor],
                   export_again: Callable[[], bytes]) -> Agreement:
        found = self._compare(data, inputs, export_again)
        if found.wrong or found.count >= self._fewest(inputs):
            return found.agreement()
        with self._lower_threshold(inputs) as threshold:
            again = self._compare(export_again(), inputs, export_again)
        if again.empty:
            return Agreement('', NOTHING.format(again.images, threshold))
        return again.agreement(
            f' with a score_thr of {threshold:.0e} ({found.count} boxes with '
            'that of the config)')

    def _compare(self, data: bytes, inputs: Sequence[Tensor],
                 export_again: Callable[[], bytes]) -> Difference:
        """Return the difference on all images, with ties explained.

        First the function in torch is compared with mmdet, on the same images.
        """
        function = Function(self._predicted, self.model, self.part,
                            self.prepare)
        predictions = function.checked(inputs)
        model, total, unclear = session(data), Difference(), []
        for x, boxes in zip(inputs, predictions):
            outputs = run(model, x)
            fault = fault_of_layout(outputs)
            if fault:
                return total._replace(wrong=fault)
            pairs = zip(x.split(1), boxes, boxes_in(outputs))
            for image, expected, found in pairs:
                one = match(expected, found)
                total = total.plus(one)
                if one.alone:
                    unclear.append((image, expected, found))
        if not unclear:
            return total
        shown = self._with_proposals(export_again)
        ties = Ties(self.model, shown, self.prepare)
        for image, expected, found in unclear:
            fault = ties.fault(image, found)
            if fault:
                return total.with_wrong(expected, found, fault)
        return total

    def _predicted(self, x: Tensor) -> List[Boxes]:
        try:
            return predicted(self.model, *self.prepare(x))
        except Exception as error:  # whatever mmdet raises
            raise Mismatch("not written: mmdet's own `predict` does not run on"
                           f' an image: {brief(error)}') from error

    def _fewest(self, inputs: Sequence[Tensor]) -> int:
        """Return the number of boxes that are enough to compare."""
        limit = limit_of(self.model) or FEWEST
        return min(FEWEST, limit * sum(map(len, inputs)))

    def _with_proposals(self,
                        export_again: Callable[[], bytes]) -> Optional[bytes]:
        """Export a two-stage detector with its proposals."""
        detector = self.part.detector
        if not detector.two_stage:
            return None
        detector.shows_proposals = True
        try:
            return export_again()
        finally:
            detector.shows_proposals = False

    def _inputs(self, traced: Traced) -> Iterator[Tensor]:
        """Yield the user's images, and random ones of all shapes."""
        for image in self.images:
            yield _fitting(image, traced)
        seed, images = 0, len(self.images)
        while seed < len(traced.shapes) or images < IMAGES:
            shape = traced.shapes[seed % len(traced.shapes)]
            yield traced.kind.draw(shape, seed)
            seed, images = seed + 1, images + shape[0]

    @contextlib.contextmanager
    def _lower_threshold(self, inputs: Sequence[Tensor]) -> Iterator[float]:
        """Lower the threshold of scores until mmdet finds boxes."""
        ours, theirs = map(last_config, (self.part.model, self.model))
        for power in POWERS:
            threshold = theirs.get('score_thr', 0) * 10**-power
            with changed(theirs, score_thr=threshold):
                found = [self._predicted(x) for x in inputs]
            if sum(boxes.size for each in found
                   for boxes in each) >= self._fewest(inputs):
                break
        with changed(
                ours, score_thr=threshold), changed(
                    theirs, score_thr=threshold):
            yield threshold


def _fitting(image: Tensor, traced: Traced) -> Tensor:
    """Return an image at a size that the file takes."""
    kind = traced.kind
    size = kind.sizes(traced.shapes[0])[2:]
    if 'height' in traced.free:
        size = [
            -side // traced.step * -traced.step
            for side in kind.sizes(image.shape)[2:]
        ]
    return kind.resized(image, size)  # the same image at its own size
