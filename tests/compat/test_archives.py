"""Fails where an upgrade of torch reads its files in another way."""
import torch
from torch import nn

from mmrep.compat.archives import records_of

GONE = 'mmrep/compat/archives.py needs another way to list records of a file'


def test_records(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save(dict(a=torch.ones(1)), path)
    assert 'data.pkl' in records_of(path), GONE
    assert 'constants.pkl' not in records_of(path)
    torch.jit.script(nn.Identity()).save(str(path))
    assert 'constants.pkl' in records_of(str(path)), GONE


def test_no_archive(tmp_path):
    path = tmp_path / 'a.pth'
    path.write_bytes(b'no zip file')
    assert records_of(path) == [], GONE
