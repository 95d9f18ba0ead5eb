"""Labels that differ are refused unless their scores tie."""
import pytest
import torch
from torch import nn

from mmrep.export.onnx_check import Traced
from mmrep.export.onnx_check_labels import Labelled, compare_labels, labelled
from mmrep.export.onnx_export import to_onnx

SCORES = torch.tensor([[10., 1.], [9.9995, 5.], [9.98, 5.]]).view(1, 3, 1, 2)


@pytest.mark.parametrize('found, equal, ties', [
    ([0, 1], 2, 0),
    ([1, 1], 1, 1),
    ([1, 2], 0, 2),
    ([2, 1], 1, 0),
    ([0, 0], 1, 0),
    ([-1, 3], 0, 0),
])
def test_ties(found, equal, ties):
    """A tie is a score that is 1e-3 at most from the best, for 10."""
    expected = torch.tensor([[[0, 1]]])
    assert labelled(SCORES, expected,
                    torch.tensor([[found]])) == Labelled(2, equal, ties)


def test_nan():
    scores = torch.full((1, 2, 1, 1), torch.nan)
    one = torch.ones(1, 1, 1, dtype=torch.int64)
    assert labelled(scores, 0 * one, one) == Labelled(1, 0, 0)


def test_text():
    fine = Labelled(10**6, 10**6 - 3, 3).agreement()
    assert fine.fault is None
    assert '99.9997% of 1000000 pixels' in fine.text and '(3)' in fine.text
    assert 'others' not in Labelled(8, 8).agreement().text
    assert ' in 2 of 9 pixels' in Labelled(9, 6, 1).agreement().fault


class Net(nn.Module):
    """A net of labels, to export."""

    labels = True

    def forward(self, x):
        return x.argmax(1),

    def names(self, outputs):
        return ['labels']


@pytest.fixture(scope='module')
def compared():
    """Return a function that compares a reference with a file."""
    pytest.importorskip('onnxruntime')
    data = to_onnx(Net(), (2, 3, 8, 8), ('batch', 'height', 'width'))
    traced = Traced([(2, 3, 8, 8), (1, 3, 6, 9)], ())
    return lambda reference: compare_labels(reference, data, traced)


def test_files(compared):
    assert compared(lambda x: (x, x.argmax(1))).text == (
        '100.0000% of 182 pixels have equal labels')
    assert ' pixels where' in compared(lambda x: (-x, x.argmin(1))).fault
    near = compared(lambda x: (1e-6 * x + 1, x.argmin(1)))
    assert near.fault is None and 'are ties' in near.text
    for wrong in (lambda x: x.argmax(1)[:, 1:], lambda x: x.argmax(1).int()):
        assert 'and torch as' in compared(lambda x: (x, wrong(x))).fault
