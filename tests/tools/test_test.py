"""Tests of tools/test.py and tools/dist_test.sh."""
import os
import pickle
import sys
from pathlib import Path

import cv2
import pytest
import torch
from mmengine.config import Config

from mmrep.cli import build_model, load_config

from ..forking import run_forked, run_ranks
from .processes import run

TOOLS = Path(__file__).parents[2] / 'tools'


class Custom:
    """An object that a checkpoint may hold."""


def save(config, path, **extra):
    """Save a seeded model of a config and return it."""
    torch.manual_seed(0)
    model = build_model(load_config(config))
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict(), meta={}, **extra), path)
    return model


def test_seg_in_a_process(tiny_seg, tmp_path):
    """The tool runs elsewhere, with relative paths, and writes folders."""
    model = save(tiny_seg, tmp_path / 'a.pth').eval()
    done = run(
        sys.executable,
        TOOLS / 'test.py',
        os.path.relpath(tiny_seg, tmp_path),
        'a.pth',
        '--out',
        'maps',
        '--show-dir',
        'shown',
        cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'Warning' not in done.stderr  # not even of other packages
    assert 'mIoU' in done.stdout + done.stderr
    assert len(list((tmp_path / 'shown').rglob('*.png'))) == 4
    assert (tmp_path / 'work_dirs' / 'tiny_seg').is_dir()

    name = 'town_1_leftImg8bit'
    image = cv2.imread(
        str(Path(tiny_seg).parent / f'leftImg8bit/train/town/{name}.png'))
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    expected = model.encode_decode(
        pixels, [dict(img_shape=image.shape[:2])]).argmax(1)[0]
    written = cv2.imread(str(tmp_path / 'maps' / f'{name}.png'), -1)
    assert (torch.from_numpy(written) == expected).all()


def test_det_and_cls(tiny_det, tiny_cls, load_tool, tmp_path):
    for config, key, shown in ((tiny_det, 'pred_instances', 4),
                               (tiny_cls, 'pred_score', 4)):
        cwd = tmp_path / key
        cwd.mkdir()
        save(config, cwd / 'a.pth')
        load_tool('test').main([
            config,
            str(cwd / 'a.pth'), '--work-dir',
            str(cwd), '--out',
            str(cwd / 'out' / 'a.pkl'), '--show-dir',
            str(cwd / 'shown')
        ])
        with open(cwd / 'out' / 'a.pkl', 'rb') as file:
            predictions = pickle.load(file)
        assert len(predictions) == (4 if config == tiny_det else 8)
        assert all(key in p for p in predictions)
        assert len(list((cwd / 'shown').glob('*.png'))) == shown


def test_fused_like_any_other(tiny_seg, load_tool, tmp_path, capsys):
    """The config is one of tools/fuse.py: a plain ResNet, no mmrep."""
    cfg = Config.fromfile(tiny_seg)
    cfg.pop('custom_imports')
    cfg.backbone.type = cfg.model.backbone.type = 'ResNet'
    config = str(tmp_path / 'plain.py')
    cfg.dump(config)
    model = save(config, tmp_path / 'plain.pth')
    torch.save(model.state_dict(), tmp_path / 'bare.pth')
    torch.save(dict(model=model.state_dict()), tmp_path / 'other.pth')
    told = []
    for name in ('plain.pth', 'bare.pth', 'other.pth'):
        load_tool('test').main([
            config,
            str(tmp_path / name), '--work-dir',
            str(tmp_path), '--out',
            str(tmp_path / f'{name}.pkl'), '--cfg-options',
            f'experiment_name={name}'
        ])
        with open(tmp_path / f'{name}.pkl', 'rb') as file:
            told.append([p['pred_sem_seg']['data'] for p in pickle.load(file)])
    assert len(told[0]) == 4
    assert all(torch.equal(a, b) for a, *rest in zip(*told) for b in rest)


def test_two_processes(tiny_det, free_port, tmp_path):
    save(tiny_det, tmp_path / 'a.pth')
    done = run(
        TOOLS / 'dist_test.sh',
        tiny_det,
        'a.pth',
        2,
        '--out',
        'a.pkl',
        cwd=tmp_path,
        PYTHON='echo',
        PORT=free_port)
    _, command = done.stdout.split('--nproc_per_node=2 ')
    assert '-m torch.distributed.run --nnodes=1 --node_rank=0' in done.stdout
    assert f'--master_port={free_port}' in done.stdout
    ranks = run_ranks(
        sys.executable, *command.split(), cwd=tmp_path, port=free_port)
    assert not any(status for status, _ in ranks), ranks
    with open(tmp_path / 'a.pkl', 'rb') as file:
        assert [p['img_id'] for p in pickle.load(file)] == [0, 1, 2, 3]


def test_bad_input_in_a_process(tiny_seg, tiny_det, tmp_path):
    """A checkpoint of another host's model is never evaluated."""
    save(tiny_det, tmp_path / 'det.pth')
    status, text = run_forked(
        sys.executable, TOOLS / 'test.py', tiny_seg, 'det.pth', cwd=tmp_path)
    assert status == 1 and 'Traceback' not in text
    told = [x for x in text.splitlines() if x.startswith('error: ')]
    assert len(told) == 1 and 'another architecture' in told[0]
    assert 'decode_head.conv_seg.weight (missing)' in told[0]
    assert [p.name for p in tmp_path.iterdir()] == ['det.pth']


BAD = dict(
    no_config=(['none.py', '{good}'], 'none.py'),
    no_checkpoint=(['{seg}', 'gone.pth'], 'gone.pth'),
    folder=(['{seg}', '.'], 'folder'),
    truncated=(['{seg}', '{cut}'], '{cut}', 'truncated'),
    not_one=(['{seg}', '{seg}'], '{seg}', 'not a checkpoint'),
    unsafe=(['{seg}', '{unsafe}'], '{unsafe}', '--trust-checkpoint'),
    dataset=([
        '{seg}', '{good}', '--cfg-options',
        'test_dataloader.dataset.data_root=data/cityscapes'
    ], 'data/cityscapes', 'Prepare datasets'),
    out=(['{det}', '{good}', '--out', 'a.json'], 'a.json'),
    no_test=(['{seg}', '{good}', '--cfg-options',
              'test_evaluator=None'], '`test_evaluator`'),
    shape=([
        '{seg}', '{good}', '--cfg-options', 'model.decode_head.num_classes=7'
    ], 'wrongly shaped', 'decode_head.conv_seg.weight'),
    launcher=(['{seg}', '{good}', '--launcher', 'pytorch'], 'dist_test.sh'),
    out_is_input=(['{seg}', '{good}', '--out',
                   '{good}'], '--out', 'must be a folder'),
    out_below_file=(['{seg}', '{good}', '--out',
                     '{good}/a.pkl'], '--out', 'is a file'),
    apart=([
        '{seg}', '{good}', '--out', '{good}/../x.pkl', '--show-dir',
        '{good}/../x.pkl/y'
    ], '--out', '--show-dir', 'is a file'),
    images=(['{det}', '{good}', '--show-dir',
             '{data}/images/new'], '--show-dir', 'in the dataset'),
    no_out=(['{seg}', '{good}', '--out', ''], '--out', 'must be a path'),
    no_show_dir=(['{seg}', '{good}', '--show-dir', ''], '--show-dir'),
    no_work_dir=(['{seg}', '{good}', '--work-dir', ''], '--work-dir'),
    show_dir=(['{seg}', '{good}', '--show-dir', '{good}'], '--show-dir'),
    work_dir=(['{seg}', '{good}', '--work-dir', '{good}'], '--work-dir'))


@pytest.mark.parametrize('case', BAD)
def test_bad_input(case, tiny_seg, tiny_det, load_tool, tmp_path, monkeypatch,
                   capsys):
    good, cut, unsafe = (tmp_path / f'{n}.pth' for n in 'abc')
    save(tiny_seg, good)
    save(tiny_seg, unsafe, custom=Custom())
    cut.write_bytes(good.read_bytes()[:3000])
    cwd = tmp_path / 'cwd'
    cwd.mkdir()
    monkeypatch.chdir(cwd)
    monkeypatch.delenv('RANK', raising=False)
    data = Path(tiny_det).parent
    names = dict(
        seg=tiny_seg,
        det=tiny_det,
        data=data,
        good=good,
        cut=cut,
        unsafe=unsafe)
    arguments, *parts = BAD[case]
    with pytest.raises(SystemExit) as exit_:
        load_tool('test').main([a.format(**names) for a in arguments])
    assert exit_.value.code == 1
    told = [
        x for x in capsys.readouterr().err.splitlines()
        if x.startswith('error: ')
    ]
    assert len(told) == 1
    for part in parts:
        assert part.format(**names) in told[0]
    assert not any(cwd.iterdir())


def test_no_input_is_overwritten(tiny_seg, load_tool, tmp_path, capsys):
    """Links are followed, and a folder takes no pickle."""
    weights, link = tmp_path / 'a.pkl', tmp_path / 'link.pkl'
    save(tiny_seg, weights)
    link.symlink_to(weights)
    folder = tmp_path / 'folder.pkl'
    folder.mkdir()
    before = weights.read_bytes()
    for out, why in ((weights, 'evaluated'), (link, 'evaluated'),
                     (folder, 'is a folder')):
        with pytest.raises(SystemExit):
            load_tool('test').main([
                tiny_seg,
                str(weights), '--out',
                str(out), '--work-dir',
                str(tmp_path / 'work')
            ])
        assert why in capsys.readouterr().err
    assert weights.read_bytes() == before
    assert not (tmp_path / 'work').exists()


def test_trusted(tiny_seg, load_tool, tmp_path, monkeypatch):
    # undoes what the tool sets
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '0')
    save(tiny_seg, tmp_path / 'a.pth', custom=Custom())
    load_tool('test').main([
        tiny_seg,
        str(tmp_path / 'a.pth'), '--trust-checkpoint', '--work-dir',
        str(tmp_path / 'work'), '--out',
        str(tmp_path / 'a.pkl')
    ])
    assert (tmp_path / 'a.pkl').is_file()
