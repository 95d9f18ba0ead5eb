"""One net through the tools: trained, fused and tested in both forms.

``make quick`` runs it, too.
"""
import pickle

import torch
from mmengine.config import Config

from mmrep.cli import build_model, load_config
from mmrep.nets.walk import rep_layers


def predictions(tool, config, checkpoint, folder):
    """Return the label maps that tools/test.py writes."""
    out = folder / f'{checkpoint.stem}.pkl'
    name = f'experiment_name={checkpoint.stem}'
    tool.main([
        str(config),
        str(checkpoint), '--work-dir',
        str(folder / 'tested'), '--out',
        str(out), '--cfg-options', name
    ])
    with open(out, 'rb') as file:
        return [p['pred_sem_seg']['data'] for p in pickle.load(file)]


def test_train_fuse_test(tiny_seg, load_tool, tmp_path):
    load_tool('train').main([tiny_seg, '--work-dir', str(tmp_path / 'run')])
    trained = tmp_path / 'run' / 'iter_2.pth'
    fused = tmp_path / 'fused.pth'
    load_tool('fuse').main([tiny_seg, str(trained), str(fused)])

    config = fused.with_suffix('.py')
    assert list(rep_layers(build_model(load_config(tiny_seg))))
    assert not list(rep_layers(build_model(Config.fromfile(config))))
    tool = load_tool('test')
    before = predictions(tool, tiny_seg, trained, tmp_path)
    after = predictions(tool, config, fused, tmp_path)
    assert len(before) == 4
    for rich, plain in zip(before, after):
        # rounding decides if two classes tie
        assert torch.eq(rich, plain).float().mean() > 0.99
