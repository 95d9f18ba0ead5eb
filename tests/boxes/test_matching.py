"""Boxes of two lists are matched one to one."""
import torch

from mmrep.boxes.matching import alone, fault_of_layout, match
from mmrep.boxes.predicted import Boxes


def boxes(*rows):
    """Return boxes from rows of left, top, right, bottom, score, label."""
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 6)
    return Boxes(table[:, :4], table[:, 4], table[:, 5].long())


A = (0, 0, 10, 10, .9, 0)
B = (0, 0, 10, 10, .9, 1)  # of another class
C = (5, 5, 20, 30, .5, 0)


def test_order_does_not_count():
    found = match(boxes(A, B, C), boxes(C, B, A))
    assert found == (0., 0., 3, 0)


def test_differences():
    moved = (5, 5 + 2**-11, 20, 30 - 2**-10, .5 + 2**-14, 0)
    found = match(boxes(A, C), boxes(A, moved))
    assert found == (2**-10, 2**-14, 2, 0)
    far = (5, 5.25, 20, 29.5, .5 + 2**-9, 0)
    assert match(boxes(A, C), boxes(A, far)).alone == 2
    found = match(boxes(A, C), boxes(A, far), 1., 1e-2)
    assert found == (.5, 2**-9, 2, 0)


def test_the_nearest_is_the_same():
    """Two boxes within the distance are not confused."""
    near = (0, .5, 10, 10, .9, 0)
    assert match(boxes(A, near), boxes(near, A), 1.) == (0., 0., 2, 0)


def test_alone():
    assert match(boxes(A, C), boxes(A)).alone == 1
    assert match(boxes(A), boxes(B)).alone == 2
    assert match(boxes(A), boxes((3, *A[1:]))).alone == 2
    assert match(boxes(A), boxes((*A[:4], .8, 0))).alone == 2
    assert match(boxes(), boxes(A)) == (0., 0., 0, 1)
    assert match(boxes(), boxes()).alone == 0


def test_no_number_matches_nothing():
    broken = (float('nan'), *A[1:])
    assert match(boxes(A), boxes(broken)).alone == 2


def test_layout():
    """Boxes come sorted, and places without one are empty and last."""
    a, b = boxes(A, C), boxes(C, A)
    empty = Boxes(torch.zeros(1, 4), torch.zeros(1), torch.tensor([-1]))

    def fault(*parts):
        joined = (torch.cat(values)[None] for values in zip(*parts))
        return fault_of_layout(list(joined))

    assert fault(a, empty) is None and fault(empty) is None
    assert 'sorted' in fault(b)
    zero = boxes((0, 0, 10, 10, 0, 0))
    assert fault(a, zero, empty) is None and 'sorted' in fault(a, empty, zero)
    full = empty._replace(scores=torch.tensor([.1]))
    assert 'places' in fault(a, full)
    full = empty._replace(corners=torch.ones(1, 4))
    assert 'places' in fault(a, full)


def test_alone_boxes():
    found = alone(boxes(A, B), boxes(C, B))
    assert found.corners.tolist() == [list(A[:4]), list(C[:4])]
