"""A host's model whose tensors an exported file computes.

The host still preprocesses, infers by crops, scales to the original size and
forms the results, so that its evaluators and visualizers take them.
"""
import copy
from typing import Iterable, Optional

from torch import Tensor, nn

from ..compat.modules import shallow_copy
from ..errors import UserError
from ..export.onnx_parts import is_detector
from .served_boxes import BoxesOfHost
from .served_net import Net
from .served_pixels import serve_pixels

LARGE = 20.  # a logit whose sigmoid is as good as 1


def served(model: nn.Module, net: Net) -> nn.Module:
    """Return a model of a host whose tensors a file computes.

    A detector clips the boxes at the true size of each image, as mmdet does.
    A file of preprocessed images has suppressed overlaps before that, with
    boxes clipped at the padded size: in batches with padding, boxes that reach
    into it may differ from mmdet's. A file of raw images gets them one by one,
    without the padding that a batch adds.

    A file that gives the labels of pixels serves a segmentor by logits that
    are 1 for the label and 0 elsewhere. Only where the host scales them to
    another size can a label differ from that of scaled logits.

    Args:
        model: The net in torch, which stays as it is. Its weights are not
            used.
        net: The file, opened.

    Raises:
        UserError: The file is of another kind than the model, or gives labels
            where the model averages over crops.
    """
    kind = kind_of(model)
    if kind is None or kind not in net.file.kind.split(' or '):
        raise UserError(
            f'the outputs of the file (={", ".join(net.file.outputs)}) are '
            f"a {net.file.kind}'s and the config is of a "
            f'{type(model).__name__}{"" if kind is None else f", a {kind}"}: '
            'name the config that the file was exported with')
    if net.file.outputs == ('labels', ):
        check_sees_whole(model)
    model = shallow_copy(model)
    if kind == 'detector':
        model.predict = BoxesOfHost(model, net)
    elif kind == 'segmentor':
        model.encode_decode = _Maps(model.out_channels, net)
    else:
        model.extract_feat = lambda inputs, *_, **__: inputs
        model.head = copy.copy(model.head)
        model.head.forward = _Logits(model.head, net)
    if net.file.raw:
        serve_pixels(model, net.loader)
    return model


def check_served(model: nn.Module, net: Net, images: Iterable[Tensor]) -> None:
    """Refuse a net or images with which an evaluation would fail later.

    Args:
        model: The net in torch.
        net: The file, opened.
        images: The images it will get, as it needs them.

    Raises:
        UserError: The file is of another kind than the model, or does not
            take an image.
    """
    served(model, net)
    for image in images:
        net.file.check_takes(image.shape, net.loader)


def check_sees_whole(model: nn.Module) -> None:
    """Refuse a file of labels for a segmentor that averages over crops.

    Raises:
        UserError: It does.
    """
    mode = (model.test_cfg or {}).get('mode', 'whole')
    if mode != 'whole':
        raise UserError(
            'the file gives labels, which cannot be averaged over crops, and '
            f'`mode` (={mode!r}) of the `test_cfg` does that: export the net '
            "without --labels, or set mode='whole'")


def kind_of(model: nn.Module) -> Optional[str]:
    """Return the kind of a host's model, None if it is none with a head."""
    if hasattr(model, 'encode_decode'):
        return 'segmentor'
    if is_detector(model):
        return 'detector'
    return None if model.head is None else 'classifier'


class _Maps:
    """``encode_decode`` of a segmentor: logits (N, classes, H, W)."""

    def __init__(self, classes: int, net: Net) -> None:
        self.classes = classes
        self.net = net

    def __call__(self, images: Tensor, *_) -> Tensor:
        found, = self.net(images)
        if self.net.file.outputs == ('labels', ):
            found = self._as_logits(found)
        elif found.shape[1] != self.classes:
            raise UserError(_wrong(found.shape[1], self.classes))
        # a file of raw images may leave its padding on
        return found[..., :images.shape[2], :images.shape[3]]

    def _as_logits(self, labels: Tensor) -> Tensor:
        labels = labels.long().reshape(len(labels), *labels.shape[-2:])
        largest = labels.max().item()
        if largest >= max(self.classes, 2):
            raise UserError(_wrong(largest + 1, self.classes))
        if self.classes == 1:  # the sigmoid decides between two labels
            return LARGE * (2. * labels[:, None] - 1)
        one_hot = nn.functional.one_hot(labels, self.classes)
        return one_hot.movedim(3, 1).float()


class _Logits:
    """``forward`` of a classifier's head: logits (N, classes)."""

    def __init__(self, head: nn.Module, net: Net) -> None:
        self.classes = getattr(head, 'num_classes', None)
        self.net = net

    def __call__(self, images: Tensor) -> Tensor:
        found, = self.net(images)
        if self.classes not in (None, found.shape[1]):
            raise UserError(_wrong(found.shape[1], self.classes))
        return found


def _wrong(found: int, expected: int) -> str:
    return (f'the file has {found} classes and the model of the config has '
            f'{expected}: name the config that the file was exported with')
