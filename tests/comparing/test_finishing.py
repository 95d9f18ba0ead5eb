"""What a trained run must have left before it is tested."""
import pytest
import torch

from mmrep.comparing.finishing import check_last
from mmrep.errors import UserError


@pytest.fixture
def save(tmp_path):
    """Return a function that leaves a checkpoint of an iteration."""

    def save(step):
        path = tmp_path / f'iter_{step}.pth'
        whole = dict(state_dict={}, optimizer={}, meta=dict(iter=step))
        torch.save(whole, path)
        (tmp_path / 'last_checkpoint').write_text(str(path))
        return path

    return save


def test_the_end_of_a_training(save, tmp_path):
    save(6)
    check_last(str(tmp_path), dict(iteration=6))


def test_the_last_checkpoint_is_missing(save, tmp_path):
    save(4)
    with pytest.raises(UserError, match='iter_4.*of iteration 4.*at 6'):
        check_last(str(tmp_path), dict(iteration=6))


def test_the_last_checkpoint_is_cut_off(save, tmp_path):
    save(4)
    save(6).write_bytes(b'cut off')
    with pytest.raises(UserError, match='of iteration 4'):
        check_last(str(tmp_path), dict(iteration=6))


def test_nothing_was_left(save, tmp_path):
    with pytest.raises(UserError, match='no whole checkpoint'):
        check_last(str(tmp_path), dict(iteration=6))
    save(6)
    with pytest.raises(UserError, match='no whole checkpoint'):
        check_last(str(tmp_path), {})
