"""What a run leaves, and what another comparison left."""
import os
from pathlib import Path

import pytest
import torch

from mmrep.comparing.files import (checkpoint_of, keep_to, result_of,
                                   write_config, write_result)
from mmrep.comparing.plan import run_of
from mmrep.errors import UserError

from .conftest import result


def test_a_config_is_written_and_found_again(runs):
    write_config(runs[0])
    text = Path(runs[0].config).read_text()
    write_config(runs[0])
    assert Path(runs[0].config).read_text() == text
    assert "type='TrainingRecordHook'" in text and 'seed=0' in text


def test_another_config_is_refused(runs):
    write_config(runs[0])
    runs[0].cfg.merge_from_dict({'train_cfg.max_iters': 7})
    with pytest.raises(
            UserError, match=r'train_cfg.max_iters was nothing and not 7'):
        write_config(runs[0])


def test_a_work_dir_may_have_another_name(net_of, tmp_path, monkeypatch):
    net = net_of('plain')
    write_config(run_of(net, 0, str(tmp_path / 'work')))
    monkeypatch.chdir(tmp_path)
    write_config(run_of(net, 0, 'work'))
    os.rename('work', 'moved')
    write_config(run_of(net, 0, 'moved'))


def test_a_damaged_config_is_refused(runs):
    write_config(runs[0])
    Path(runs[0].config).write_text('model = (')
    with pytest.raises(UserError, match='cannot read.*remove it'):
        write_config(runs[0])


def test_a_folder_that_cannot_be_made(runs, tmp_path):
    (tmp_path / 'work').write_text('a file')
    with pytest.raises(UserError, match='cannot write'):
        write_config(runs[0])


def test_a_result_is_read_as_it_was_written(runs):
    write_config(runs[0])
    assert result_of(runs[0]) is None
    wanted = result(value=1 / 3)
    write_result(wanted, runs[0].beside('result.json'))
    assert result_of(runs[0]) == wanted


@pytest.mark.parametrize('text', ['', '{', '{"net": "a"}', '[]'])
def test_a_damaged_result_is_named(runs, text):
    write_config(runs[0])
    Path(runs[0].beside('result.json')).write_text(text)
    with pytest.raises(UserError, match='result.json.*remove it'):
        result_of(runs[0])


def test_what_a_training_can_go_on_from(tmp_path):
    assert checkpoint_of(str(tmp_path / 'missing')) is None
    whole = dict(state_dict={}, optimizer={})
    for step in (2, 10):
        torch.save(whole, tmp_path / f'iter_{step}.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_10.pth'))
    assert checkpoint_of(str(tmp_path)) == str(tmp_path / 'iter_10.pth')
    (tmp_path / 'iter_10.pth').write_bytes(b'cut off')
    assert checkpoint_of(str(tmp_path)) == str(tmp_path / 'iter_2.pth')
    (tmp_path / 'iter_2.pth').write_bytes(b'')
    assert checkpoint_of(str(tmp_path)) is None


def test_the_number_of_processes_is_kept(tmp_path):
    folder = str(tmp_path / 'work')
    keep_to(folder, 2)
    keep_to(folder, 2)
    with pytest.raises(UserError, match=r'--processes \(=4\) is 2 in'):
        keep_to(folder, 4)
