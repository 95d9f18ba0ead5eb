import pytest

from mmrep.cli import UserError
from mmrep.cli.numbers import check_at_least_one


def test_numbers():
    check_at_least_one(steps=1, size=2)
    with pytest.raises(UserError, match=r'--batch-size \(=0\) must be at l'):
        check_at_least_one(steps=1, batch_size=0)
