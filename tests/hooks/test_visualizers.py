"""A run of DyRep writes to TensorBoard, W&B and the work dir."""
import json
import sys
from types import SimpleNamespace

import cv2
import pytest

from mmrep.checkpoints import read_checkpoint
from mmrep.cli import visualizer

STEPS = [3, 6]
EVENTS = {'parameters', 'flops', 'blocks', 'branches', 'grown', 'cut'}


@pytest.fixture
def wandb(monkeypatch):
    """Return a stand-in for W&B that keeps what mmengine's backend logs."""
    logged = []
    fake = SimpleNamespace(
        init=lambda **_: None,
        config=SimpleNamespace(update=lambda *_, **__: None),
        run=SimpleNamespace(log_code=lambda **_: None),
        Image=lambda image: image,
        log=lambda numbers, commit: logged.append(dict(numbers)),
        join=lambda: None)
    monkeypatch.setitem(sys.modules, 'wandb', fake)
    monkeypatch.setattr(visualizer, 'find_spec', lambda name: True)
    return logged


@pytest.fixture
def run(evolving, train, tmp_path):
    """Return a function that trains; it returns records and where logs are."""

    def trained(*backends, **hook):
        cfg, path = evolving('mmpretrain', stop=6, **hook)
        cfg.train_cfg.max_iters = 8
        cfg.param_scheduler = []
        cfg.default_hooks.checkpoint.interval = 8
        cfg.visualizer.vis_backends = [dict(type=kind) for kind in backends]
        cfg.dump(path)
        checkpoint = read_checkpoint(train(path, last='iter_8.pth'))
        return checkpoint['dyrep']['history'], next(
            tmp_path.glob('run/*/vis_data'))

    return trained


def test_tensorboard(run):
    pytest.importorskip('tensorboard')
    from tensorboard.backend.event_processing.event_accumulator import \
        EventAccumulator
    history, folder = run(
        'LocalVisBackend', 'TensorboardVisBackend', draw=True)
    events = EventAccumulator(str(folder), size_guidance=dict(images=0))
    events.Reload()

    def series(name):
        return [(e.step, e.value) for e in events.Scalars(name)]

    assert [step for step, _ in series('loss')] == list(range(1, 9))
    for name in EVENTS:
        assert [step for step, _ in series(f'dyrep/{name}')] == STEPS
    for i, record in enumerate(history):
        assert series('dyrep/parameters')[i][1] == record['parameters'][1]
        assert series('dyrep/grown')[i][1] == len(record['branches']) > 0
        change = series('dyrep/grown_change')[i][1]
        assert change == pytest.approx(record['grown_change'][1])
    images = events.Images('dyrep_structure')
    assert [image.step for image in images] == STEPS
    for step in STEPS:  # the work dir has the same
        path = folder / 'vis_image' / f'dyrep_structure_{step}.png'
        assert cv2.imread(
            str(path)).shape[:2] == (images[STEPS.index(step)].height,
                                     images[STEPS.index(step)].width)


def test_wandb_and_work_dir(run, wandb):
    """They get numbers only, unless pictures are asked for."""
    history, folder = run('LocalVisBackend', 'WandbVisBackend')
    assert sum('loss' in numbers for numbers in wandb) == 8
    told = [n for n in wandb if 'dyrep/parameters' in n]
    assert [n['dyrep/parameters']
            for n in told] == [record['parameters'][1] for record in history]
    lines = map(json.loads, (folder / 'scalars.json').read_text().splitlines())
    kept = [line for line in lines if 'dyrep/parameters' in line]
    assert [event.pop('step') for event in kept] == STEPS and kept == told
    assert not any('dyrep_structure' in numbers for numbers in wandb)
    assert not (folder / 'vis_image').exists()


def test_a_missing_package_starts_nothing(evolving, load_tool, tmp_path,
                                          capsys, monkeypatch):
    monkeypatch.setattr(visualizer, 'find_spec', lambda name: None)
    cfg, path = evolving('mmpretrain')
    cfg.visualizer.vis_backends = [dict(type='WandbVisBackend')]
    cfg.dump(path)
    with pytest.raises(SystemExit) as stop:
        load_tool('train').main([path, '--work-dir', str(tmp_path / 'run')])
    assert stop.value.code == 1 and not (tmp_path / 'run').exists()
    assert 'run `pip install wandb`' in capsys.readouterr().err
