"""Results that are the same up to rounding."""
import pytest
import torch

from mmrep.fusing.probe import Run
from mmrep.fusing.results import same_results

VALUES = torch.linspace(-1, 1, 20, dtype=torch.float64)  # spread 2


def run(*results):
    return Run(None, 0, (), list(results))


@pytest.mark.parametrize('dtype, hidden, seen', [
    (torch.float64, 1e-9, 3e-9),
    (torch.float32, 3e-3, 5e-3),
    (torch.bfloat16, 0.1, 0.4),
])
def test_tolerance(dtype, hidden, seen):
    first = run(VALUES.to(dtype))
    for by, same in ((hidden, True), (seen, False)):
        other = VALUES.clone()
        other[3] += by
        assert same_results([first], [run(other.to(dtype))]) == same


@pytest.mark.parametrize('other', [
    None,
    run(),
    run(VALUES, VALUES),
    run(VALUES[:5]),
    run(torch.full_like(VALUES, torch.nan)),
    run(VALUES + 1),
])
def test_not_the_same(other):
    assert not same_results([run(VALUES)], [other])


def test_nothing_proves_nothing():
    assert not same_results([run()], [run()])
    assert same_results([run(VALUES > 0)], [run(VALUES > .5)])  # a choice
