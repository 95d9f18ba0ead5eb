"""Labels of pixels, and nets that have none."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import ConfigDict
from mmseg.models import EncoderDecoder
from torch import nn

from mmrep.export.pixel_labels import check_has_labels, labels_of, scores_of

from ..refusals import sentence


def head_of(threshold):
    return SimpleNamespace(decode_head=SimpleNamespace(threshold=threshold))


def test_the_best_class():
    logits = torch.tensor([[3., 1.], [2., 5.], [4., 5.5]]).view(1, 3, 1, 2)
    assert labels_of(None, logits).tolist() == [[[2, 2]]]
    assert scores_of(None, logits) is logits


def test_one_channel():
    """The sigmoid of 0 is 0.5, and that of 1 is 0.731."""
    logits = torch.tensor([-1., 0., 1.]).view(1, 1, 1, 3)
    for threshold, labels in ((0.3, [0, 1, 1]), (0.5, [0, 0,
                                                       1]), (0.74, [0, 0, 0])):
        found = labels_of(head_of(threshold), logits)
        assert found.dtype == torch.int64 and found.tolist() == [[labels]]
        scores = scores_of(head_of(threshold), logits)
        assert scores.shape == (1, 2, 1, 3)
        torch.testing.assert_close(scores[0, 1, 0, 2], torch.tensor(0.7310586))
        assert scores.argmax(1).equal(found)


class Depth(nn.Module):
    """A net whose pixels have a depth."""

    def encode_decode(self):
        pass

    def postprocess_result(self):
        pass


@pytest.mark.parametrize('mode, part, message', [
    ('slide', 'whole', "`mode` (='slide')"),
    ('whole', 'neck', 'type EncoderDecoder, with --part neck'),
])
def test_segmentors(mode, part, message):
    model = EncoderDecoder.__new__(EncoderDecoder)
    nn.Module.__init__(model)
    model.test_cfg = ConfigDict(mode=mode)
    assert message in sentence(check_has_labels, model, part)
    model.test_cfg = ConfigDict(mode='whole')
    check_has_labels(model, 'whole')


def test_other_nets():
    assert 'a Depth has its own way' in sentence(check_has_labels, Depth(),
                                                 'whole')
    assert 'type Linear, with --part whole' in sentence(
        check_has_labels, nn.Linear(1, 1), 'whole')
