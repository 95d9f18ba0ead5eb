"""Marks of tests that some versions of PyTorch cannot run."""
import pytest
import torch

compiles = pytest.mark.skipif(
    torch.__version__.startswith('2.1.'),
    reason='it then loses the hooks of the optimizers of all other tests')
