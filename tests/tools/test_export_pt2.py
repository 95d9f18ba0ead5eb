"""tools/export_pt2.py exports from all hosts and refuses bad input."""
import sys
from pathlib import Path

import pytest
import torch

from mmrep.deploy.verify import relative_difference
from mmrep.errors import UserError
from mmrep.export.program import FREEDOMS, Program, need_export
from mmrep.export.program_parts import ProgramPart

from ..boxes.detectors import tamed
from ..refusals import refused

try:
    need_export()
except UserError as error:
    pytest.skip(str(error), allow_module_level=True)

SMALL = ('--size', '40', '64')
OURS = ('mmrep', 'mmengine', 'mmcv', 'mmdet', 'mmseg', 'mmpretrain',
        'torchvision')


@pytest.fixture
def tool(load_tool):
    return load_tool('export_pt2')


@pytest.mark.parametrize('name, part, freedoms', [
    ('tiny_seg', 'whole', FREEDOMS),
    ('tiny_cls', 'whole', FREEDOMS[2:]),
    ('tiny_det', 'candidates', FREEDOMS[-1:]),
])
@torch.no_grad()
def test_hosts(tool, said, config_of, tmp_path, monkeypatch, name, part,
               freedoms, trained):
    """Each file has the largest part, and torch alone loads it."""
    # free sizes take seconds
    monkeypatch.setattr('mmrep.export.program.FREEDOMS', freedoms)
    config, out = config_of(name), str(tmp_path / 'net.pt2')
    moderate = tamed if part == 'candidates' else lambda model: model
    model = trained(config, f'{out}.pth', moderate)
    tool.main([config, f'{out}.pth', out, *SMALL])
    line, = said
    assert f': {part}, ' in line
    assert line.endswith(f'axes of any size: {freedoms[0].text}')
    x = torch.randn(4 if freedoms[0].batch else 1, 3, 40, 64)
    expected = ProgramPart(model, part)(x)
    for module in [m for m in sys.modules if m.partition('.')[0] in OURS]:
        monkeypatch.setitem(sys.modules, module, None)  # no import finds it
    found = torch.export.load(out).module()(x)
    for a, b in zip(expected, found, strict=True):
        assert relative_difference(a, b) < 1e-4


def test_a_fused_net(tool, said, load_tool, seg, tmp_path, monkeypatch,
                     trained):
    """Files of tools/fuse.py, compared with the training form."""
    monkeypatch.setattr('mmrep.export.program.FREEDOMS', FREEDOMS[-1:])
    trained(seg, tmp_path / 'net.pth')
    fused = str(tmp_path / 'fused.pth')
    load_tool('fuse').main([seg, str(tmp_path / 'net.pth'), fused])
    files = [str(tmp_path / 'fused.py'), fused, str(tmp_path / 'net.pt2')]
    tool.main([*files, '--part', 'backbone', '--training-config', seg, *SMALL])
    line, = said
    assert ': backbone, ' in line and line.endswith('any size: none')


def test_a_failed_check_writes_nothing(tool, capsys, seg, tmp_path,
                                       monkeypatch, trained):
    trained(seg, tmp_path / 'net.pth')
    monkeypatch.setattr('mmrep.export.program.to_program', lambda *_: b'')
    monkeypatch.setattr('mmrep.export.program.worst_of_shapes',
                        lambda *_: 2.5e-3)
    message = refused(tool.main, capsys, tmp_path, seg, tmp_path / 'net.pth',
                      tmp_path / 'net.pt2', *SMALL)
    assert '2.5e-03' in message and '1e-04' in message


def test_a_failed_write_leaves_nothing(tool, capsys, seg, tmp_path,
                                       monkeypatch, trained):
    trained(seg, tmp_path / 'net.pth')

    def fail(self, data):
        raise OSError('disk full')

    monkeypatch.setattr(Path, 'write_bytes', fail)
    monkeypatch.setattr(tool, 'export', lambda *_: Program(b'', '', [], 0.))
    message = refused(tool.main, capsys, tmp_path, seg, tmp_path / 'net.pth',
                      tmp_path / 'net.pt2', *SMALL)
    assert 'disk full' in message


def test_bad_input(tool, capsys, seg, tiny_det, tmp_path, trained):
    good, out = tmp_path / 'net.pth', tmp_path / 'net.pt2'
    trained(seg, good)
    (tmp_path / 'folder.pt2').mkdir()
    for arguments, part in [
        (('nowhere.py', good, out), 'nowhere.py'),
        ((seg, 'nowhere.pth', out), 'nowhere.pth'),
        ((seg, good, tmp_path / 'net.pt'), 'must end in .pt2'),
        ((seg, good, tmp_path / 'folder.pt2'), 'is a folder'),
        ((seg, good, tmp_path / 'no' / 'net.pt2'), 'is not there'),
        ((seg, good, out, '--size', '0', '8'), 'at least 1'),
        ((tiny_det, good, out), 'another architecture'),
        ((seg, good, out, '--training-config', seg), 'leave it out'),
        ((seg, good, out, '--part', 'heads'), 'is for detectors'),
    ]:
        assert part in refused(tool.main, capsys, tmp_path, *arguments)


def test_old_torch(tool, capsys, seg, tmp_path, monkeypatch):
    monkeypatch.delattr(torch.export, 'Dim')
    message = refused(tool.main, capsys, tmp_path, seg, 'net.pth',
                      tmp_path / 'net.pt2')
    assert 'install PyTorch' in message
