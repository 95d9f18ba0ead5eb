"""tools/convert_checkpoint.py writes checkpoints or refuses them."""
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.runner import load_checkpoint

from mmrep import ACBResNet, RepVGGBackbone
from mmrep.checkpoints import convert, read_checkpoint
from mmrep.checkpoints.renaming import rename

from ..checkpoints.official import ACB, ResNet18, conv_norm
from ..forking import run_forked
from ..refusals import refused

ROOT = Path(__file__).parents[2]


@pytest.fixture
def main(load_tool):
    return load_tool('convert_checkpoint').main


OFFICIAL = (
    (r'^stem\.branch_reparam\.', 'stage0.'),
    (r'^stage_(\d+)\.(\d+)\.branch_reparam\.', r'stage\1.\2.'),
    (r'branches\.1x1\.norm', 'rbr_1x1.bn'),
    (r'branches\.1x1\.weight', 'rbr_1x1.conv.weight'),
    (r'branches\.identity\.norm', 'rbr_identity'),
    (r'(stage0|\.\d+)\.norm', r'\1.rbr_dense.bn'),
    (r'(stage0|\.\d+)\.weight', r'\1.rbr_dense.conv.weight'),
)


def backbone():
    arch = dict(num_blocks=(1, 2, 1, 1), width_factor=(1, 1, 1, 1))
    return RepVGGBackbone(arch, base_channels=4)


@pytest.fixture
def official():
    """A small RepVGG with a classifier, in official names."""
    return {
        **{rename(k, OFFICIAL): v for k, v in backbone().state_dict().items()},
        'linear.weight': torch.ones(2, 8),
        'linear.bias': torch.ones(2)
    }  # yapf: disable


def test_a_backbone_loads_it(main, official, tmp_path):
    torch.save(dict(model=official, epoch=3), tmp_path / 'a.pth')
    out = tmp_path / 'b.pth'
    main([str(tmp_path / 'a.pth'), str(out)])
    assert sorted(p.name for p in tmp_path.iterdir()) == ['a.pth', 'b.pth']
    written = read_checkpoint(str(out))['state_dict']
    expected = convert(official)
    assert written.keys() == expected.keys()
    assert all(v.equal(expected[k]) for k, v in written.items())
    load_checkpoint(backbone(), str(out), strict=True)


@pytest.mark.parametrize('behind', [False, True])
def test_norms_behind(main, behind, tmp_path):
    """A net without norms behind, as official ones, and a default net."""
    official = ResNet18(ACB, conv_norm, 4, stage0=True)
    torch.save(official.state_dict(), tmp_path / 'a.pth')
    main([str(tmp_path / n)
          for n in ('a.pth', 'b.pth')] + ['--norm-behind'] * behind)
    net = ACBResNet(18, base_channels=4, norm_behind=behind)
    load_checkpoint(net, str(tmp_path / 'b.pth'), strict=True)


def test_target_classifier(main, official, tmp_path):
    torch.save(official, tmp_path / 'a.pth')
    main([str(tmp_path / n)
          for n in ('a.pth', 'b.pth')] + ['--target', 'classifier'])
    names = read_checkpoint(str(tmp_path / 'b.pth'))['state_dict'].keys()
    assert {'head.fc.weight', 'head.fc.bias'} < names
    assert {n.partition('.')[0] for n in names} == {'backbone', 'head'}


def test_ema(main, official, tmp_path):
    averaged = {f'module.{k}': v + 1 for k, v in official.items()}
    torch.save(dict(model=official, model_ema=averaged), tmp_path / 'a.pth')
    paths = [str(tmp_path / n) for n in ('a.pth', 'b.pth')]
    values = []
    for flags in ([], ['--ema']):
        main(paths + flags)
        written = read_checkpoint(paths[1])['state_dict']
        values.append(written['stem.branch_reparam.weight'])
    assert torch.equal(values[0] + 1, values[1])


def test_as_a_command(official, tmp_path):
    torch.save(official, tmp_path / 'a.pth')
    command = [sys.executable, str(ROOT / 'tools' / 'convert_checkpoint.py')]
    command += [str(tmp_path / n) for n in ('a.pth', 'b.pth')]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and 'wrote' in done.stdout + done.stderr
    (tmp_path / 'b.pth').unlink()
    torch.save({'a': torch.ones(1)}, tmp_path / 'a.pth')
    status, text = run_forked(*command)
    assert status == 1
    assert text.splitlines()[-1].startswith('error: the checkpoint has')
    assert not (tmp_path / 'b.pth').exists()


def test_bad_sources(main, official, capsys, tmp_path):
    a, b = tmp_path / 'a.pth', tmp_path / 'b.pth'

    def told(*flags):
        return refused(main, capsys, tmp_path, a, b, *flags)

    assert 'no such checkpoint' in told()
    for content, message in (
        ({**official, 'stage0.rbr_skip.weight': torch.ones(1)},
         "'stage0.rbr_skip.weight' is no name of an official RepVGG"),
        ({'conv.weight': torch.ones(1)}, 'no known layout'),
        ({k: v for k, v in official.items() if 'stage3' not in k},
         "damaged: 1 weights are missing, in our names such as ['stage_3"),
        ({**official, 'stage0.rbr_1x1.conv.weight': torch.ones(4)},
         'has the shape (4,)'),
        (dict(epoch=3), "its 'epoch' is a int"),
        ([torch.ones(1)], 'it holds a list'),
        (dict(model=official, config=pickle.Unpickler),
         'pass --trust-checkpoint'),
    ):  # yapf: disable
        torch.save(content, a)
        assert message in told()
    torch.save(official, a)
    assert 'no averaged weights' in told('--ema')
    a.write_bytes(a.read_bytes()[:-50])
    assert 'truncated or not a checkpoint' in told()


def test_bad_destinations(main, official, capsys, tmp_path):
    a, link = tmp_path / 'a.pth', tmp_path / 'link.pth'
    torch.save(official, a)
    os.symlink(a, link)

    def told(path):
        return refused(main, capsys, tmp_path, a, path)

    for same in (a, link, f'{tmp_path}/./a.pth'):
        assert 'is what is to be converted' in told(same)
    assert 'is a folder' in told(tmp_path)
    assert 'the folder of DST is not there' in told(tmp_path / 'no' / 'b.pth')


def test_a_broken_write_leaves_the_old_file(main, official, capsys, tmp_path,
                                            monkeypatch):
    torch.save(official, tmp_path / 'a.pth')
    (tmp_path / 'b.pth').write_bytes(b'old')

    def broken(checkpoint, path):
        Path(path).write_bytes(b'half')
        raise OSError('no space left')

    monkeypatch.setattr(torch, 'save', broken)
    message = refused(main, capsys, tmp_path, tmp_path / 'a.pth',
                      tmp_path / 'b.pth')
    assert 'no space left' in message


def test_trusted(main, official, tmp_path):
    torch.save(
        dict(model=official, config=pickle.Unpickler), tmp_path / 'a.pth')
    main([str(tmp_path / n)
          for n in ('a.pth', 'b.pth')] + ['--trust-checkpoint'])
    assert (tmp_path / 'b.pth').exists()


class Official(torch.nn.Module):
    """A pickled module of other code, with official names."""

    def __init__(self, weights):
        super().__init__()
        for name, tensor in weights.items():
            part = self
            *path, last = name.split('.')
            for key in path:
                if not hasattr(part, key):
                    part.add_module(key, torch.nn.Module())
                part = getattr(part, key)
            part.register_buffer(last, tensor)


@pytest.mark.parametrize('wrap', [lambda m: m, lambda m: dict(model=m)])
def test_a_whole_model(main, official, capsys, tmp_path, wrap):
    torch.save(wrap(Official(official)), tmp_path / 'a.pth')
    paths = [tmp_path / name for name in ('a.pth', 'b.pth')]
    told = refused(main, capsys, tmp_path, *paths)
    assert 'pass --trust-checkpoint' in told
    main([*map(str, paths), '--trust-checkpoint'])
    written = read_checkpoint(str(paths[1]))['state_dict']
    expected = convert(official)
    assert written.keys() == expected.keys()
    assert all(v.equal(expected[k]) for k, v in written.items())
