import pytest

from mmrep.compat.private import private


def test_what_is_there():
    import pickle
    found = private('pickle._Unpickler', __name__, 'to watch pickles')
    assert found is pickle._Unpickler


@pytest.mark.parametrize('path', [
    'torch.nn.modules.batchnorm._Gone', 'torch._gone.name', 'torch._C._gone.x'
])
def test_what_is_gone(path):
    with pytest.raises(ImportError) as error:
        private(path, 'mmrep.compat.batch_norms', 'to know batch norms')
    told = str(error.value)
    assert told.startswith(f'{path} is gone in torch 2')
    assert told.endswith('mmrep/compat/batch_norms.py needs another way to '
                         'know batch norms')
