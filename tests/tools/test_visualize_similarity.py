"""tools/visualize_similarity.py draws branches and refuses plain nets."""
import math
import re
from types import SimpleNamespace

import cv2
import pytest
import torch

from mmrep.cli import build_model, load_config
from mmrep.testing import randomize_norms

from ..refusals import refused


@pytest.fixture
def main(load_tool):
    return load_tool('visualize_similarity').main


def checkpoint_of(config, path):
    torch.manual_seed(len(str(path)))
    model = build_model(load_config(str(config)))
    model.init_weights()
    randomize_norms(model)
    torch.save(dict(state_dict=model.state_dict()), path)
    return str(path)


@pytest.fixture
def orepa(tiny_cls, tmp_path):
    return tiny_cls, checkpoint_of(tiny_cls, tmp_path / 'orepa.pth')


@pytest.fixture
def dbb(tiny_cls, tmp_path):
    path = tmp_path / 'dbb_r18.py'
    path.write_text(f"_base_ = '{tiny_cls}'\n"
                    "model = dict(backbone=dict(type='DBBResNet'))")
    return str(path), checkpoint_of(path, tmp_path / 'dbb.pth')


def words(path):
    """Return the texts of an svg, which are beside the letters' shapes."""
    return re.findall('<!-- (.*?) -->', path.read_text())


def test_two_nets(main, orepa, dbb, tmp_path):
    out = tmp_path / 'out.svg'
    main([*orepa, str(out), '--beside', *dbb, '--include', '*.layer1.0'])
    found = words(out)
    assert {'tiny_cls', 'dbb_r18', 'separable', '1x1_average'} < set(found)
    assert found.count('conv1') == found.count('conv2') == 1
    titles = [word for word in found if re.match(r'conv[12]   0\.\d\d$', word)]
    assert len(titles) == 4


def test_two_checkpoints_of_a_config(main, orepa, tmp_path):
    config, path = orepa
    other = checkpoint_of(config, tmp_path / 'other.pth')
    out = tmp_path / 'out.svg'
    main([config, path, str(out), '--beside', config, other, '--include',
          'backbone.layer4.1.conv2'])  # yapf: disable
    assert {'tiny_cls', 'tiny_cls, other.pth'} < set(words(out))


def test_what_has_no_branches_any_more(main, load_tool, orepa, dbb, tmp_path,
                                       capsys):
    """A rich net with plain weights has silent branches."""
    for config, path in (orepa, dbb):
        fused = str(tmp_path / 'fused.pth')
        load_tool('fuse').main([config, path, fused])
        message = refused(main, capsys, tmp_path, config, fused,
                          tmp_path / 'out.png')
        assert 'fused.pth' in message and 'checkpoint of a training' in message
    plain = torch.load(fused)['state_dict']
    torch.save(dict(state_dict=plain), fused)  # nothing says how it was made
    message = refused(main, capsys, tmp_path, config, fused,
                      tmp_path / 'out.png')
    assert 'silent' in message


def test_mean(load_tool):
    mean = load_tool('visualize_similarity').mean
    means = [SimpleNamespace(mean=value) for value in (1, math.nan, 2)]
    assert mean(means) == 1.5 and math.isnan(mean(means[1:2]))


def test_png(main, orepa, tmp_path):
    out = tmp_path / 'OUT.PNG'
    main([*orepa, str(out), '--include', 'backbone.layer2.0'])
    assert cv2.imread(str(out)).std() > 10


def test_refusals(main, orepa, dbb, tmp_path, capsys):

    def told(*argv):
        return refused(main, capsys, tmp_path, *argv)

    out, no = tmp_path / 'out.png', tmp_path / 'no.pth'
    assert 'must end in .png or .svg' in told(*orepa, tmp_path / 'out.jpg')
    assert 'the folder of OUT' in told(*orepa, tmp_path / 'no/out.png')
    assert 'no such checkpoint' in told(orepa[0], no, out)
    assert 'no such checkpoint' in told(*orepa, out, '--beside', orepa[0], no)
    assert 'another architecture' in told(orepa[0], dbb[1], out)
    assert 'holds no EMA weights' in told(*orepa, out, '--ema')
    message = told(*orepa, out, '--include', 'backbne', 'neck')
    assert ("'backbne neck'" in message
            and 'with two branches or more' in message)
