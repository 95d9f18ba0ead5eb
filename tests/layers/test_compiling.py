import pytest
import torch

from mmrep.layers.compiling import is_compiling


def which(x):
    return x + 1 if is_compiling() else x - 1


def test_is_false_without_a_compiler():
    assert which(torch.zeros(1)) == -1


def test_is_true_under_a_compiler():
    try:
        compiled = torch.compile(which, backend='eager', fullgraph=True)
    except RuntimeError as error:  # PyTorch before 2.3 on Python 3.12
        pytest.skip(str(error))
    assert compiled(torch.zeros(1)) == 1
