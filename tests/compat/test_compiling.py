import pytest
import torch

from mmrep.compat.compiling import is_compiling


def which(x):
    return x + 1 if is_compiling() else x - 1


def test_is_false_without_a_compiler():
    assert which(torch.zeros(1)) == -1


@pytest.mark.skipif(
    torch.__version__.startswith('2.1.'),
    reason='it then loses the hooks of the optimizers of all other tests')
def test_is_true_under_a_compiler():
    compiled = torch.compile(which, backend='eager', fullgraph=True)
    assert compiled(torch.zeros(1)) == 1
