"""tools/visualize_structure.py draws branches and refuses plain nets."""
import re

import cv2
import pytest
import torch
from torch import nn

import mmrep
from mmrep.cli import build_model, load_config
from mmrep.structures.describe import restructure
from mmrep.testing import randomize_norms

from ..refusals import refused

BLOCK = dict(
    type='DBBConv2d', branches=('1x1', '1xk'), norms=('kxk', 'branches'))


@pytest.fixture
def main(load_tool):
    return load_tool('visualize_structure').main


def evolved():
    net = nn.Sequential(nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 1))
    restructure(net, {'0': dict(BLOCK, kxk=BLOCK)})
    randomize_norms(net)
    return net


def event(step, grown, cut, branches):
    return dict(
        step=step,
        grown=grown,
        branches=branches.get(grown, []),
        cut=cut,
        importances={
            k: dict.fromkeys(v, .01)
            for k, v in branches.items()
        },
        parameters=[1, 2],
        flops=[3, 4])


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint of a run with two events."""
    names = ['1x1', '1xk', 'kx1']
    cut = [dict(name='0', branches=['kx1'], importances=[.001])]
    events = [
        event(5, '0', [], {'0': names}),
        event(9, '0.kxk', cut, {'0': names[:2], '0.kxk': names[:2]})
    ]  # yapf: disable
    path = tmp_path / 'run.pth'
    torch.save(
        dict(
            meta=dict(iter=12),
            state_dict=evolved().state_dict(),
            dyrep=dict(history=events)), path)
    return str(path)


def words(path):
    """Return the texts of an svg, which are beside the letters' shapes."""
    return re.findall('<!-- (.*?) -->', path.read_text())


def test_checkpoint_with_a_history(main, checkpoint, tmp_path):
    main([checkpoint, str(tmp_path / 'out.svg')])
    summary = ('1 of 2 convolutions are rich: 2 blocks with 4 branches beside '
               'their kxk')
    found = words(tmp_path / 'out.svg')
    assert f'{summary}; 2 events, 1 branches cut' in found
    assert {'iteration', 'parameters (millions)', 'kx1'} < set(found)
    content = torch.load(checkpoint)
    del content['dyrep']
    torch.save(content, checkpoint)
    main([checkpoint, str(tmp_path / 'out.svg')])
    found = words(tmp_path / 'out.svg')
    assert summary in found and not {'iteration', 'kx1'} & set(found)


def test_png(main, checkpoint, tmp_path):
    main([checkpoint, str(tmp_path / 'OUT.PNG')])
    assert cv2.imread(str(tmp_path / 'OUT.PNG')).std() > 10


def test_config(main, tiny_seg, tmp_path):
    main([tiny_seg, str(tmp_path / 'out.svg')])
    found = words(tmp_path / 'out.svg')
    layers = mmrep.structure(build_model(load_config(tiny_seg)))
    assert len(layers) > 10
    for name, config in layers.items():
        assert any(word.startswith(f'{name}  ') for word in found)
        assert set(config['branches']) - {'origin'} < set(found)


def test_raw_and_averaged_weights(main, checkpoint, tmp_path, capsys):
    assert 'holds no EMA weights' in refused(main, capsys, tmp_path,
                                             checkpoint, tmp_path / 'out.svg',
                                             '--no-ema')
    content = torch.load(checkpoint)
    raw = {f'module.{k}': v for k, v in content['state_dict'].items()}
    raw['module.0.branches.1x1.norm.weight'] = 0.25 * raw[
        'module.0.norm.weight']
    torch.save(
        dict(content, ema_state_dict=dict(raw, steps=torch.tensor(3))),
        checkpoint)
    main([checkpoint, str(tmp_path / 'out.svg')])
    assert '0.25' not in words(tmp_path / 'out.svg')
    main([checkpoint, str(tmp_path / 'out.svg'), '--no-ema'])
    assert '0.25' in words(tmp_path / 'out.svg')


def test_all_blocks_cut(main, checkpoint, tmp_path):
    """The net is plain again, and its history is drawn."""
    content = torch.load(checkpoint)
    content['state_dict'] = mmrep.fuse(evolved()).state_dict()
    torch.save(content, checkpoint)
    main([checkpoint, str(tmp_path / 'out.svg')])
    assert '0, plain again' in words(tmp_path / 'out.svg')


@pytest.mark.parametrize('out, message', [
    ('out.jpg', 'must end in .png or .svg'),
    ('out', 'must end in .png or .svg'),
    ('no/out.png', 'the folder of OUT is not there'),
])
def test_bad_destinations(main, checkpoint, tmp_path, capsys, out, message):
    assert message in refused(main, capsys, tmp_path, checkpoint,
                              tmp_path / out)


def test_bad_sources(main, checkpoint, tiny_seg, tmp_path, capsys):
    a, out = tmp_path / 'a.pth', tmp_path / 'out.png'

    def told(source=a, *flags):
        return refused(main, capsys, tmp_path, source, out, *flags)

    assert 'no such checkpoint' in told()
    assert 'no such config' in told(tmp_path / 'a.py')
    assert 'leave out --ema' in told(tiny_seg, '--ema')
    a.write_text('neither')
    assert 'truncated or not a checkpoint' in told()
    content = torch.load(checkpoint)
    torch.save(dict(content, dyrep=dict(history=[dict(step=1)])), a)
    assert 'the history in' in told()
    torch.save(nn.Conv2d(3, 3, 3).state_dict(), a)
    message = told()
    assert 'none of the 1 convolutions' in message and str(a) in message


def test_a_broken_write_leaves_nothing(main, checkpoint, tmp_path, capsys,
                                       monkeypatch):
    out = tmp_path / 'out.png'

    def broken(figure, path, **_):
        with open(path, 'wb') as file:
            file.write(b'half')
        raise OSError('no space left')

    monkeypatch.setattr('matplotlib.figure.Figure.savefig', broken)
    assert 'no space left' in refused(main, capsys, tmp_path, checkpoint, out)
