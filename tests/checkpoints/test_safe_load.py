"""Files that are read as checkpoints, and files that are refused."""
import pickle
import struct
import zipfile
from typing import Tuple

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.optim import OneCycleLR
from mmengine.runner import Runner

from mmrep.checkpoints.safe_load import read_checkpoint
from mmrep.cli import UserError
from mmrep.compat import safe_globals

# True if torch.load runs no code unless it is told to
SAFE = tuple(map(int, torch.__version__.split('.')[:2])) >= (2, 6)


@pytest.fixture(autouse=True, params=[True, False])
def version(request, monkeypatch):
    """Read files as PyTorch from 2.6 on asks for, and as before."""
    monkeypatch.setattr(safe_globals, 'knows_safe_globals',
                        lambda: SAFE and request.param)
    return request.param


class Line(BaseModel):
    """A model of one linear layer, fitted to zero."""

    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(1, 1)

    def forward(self, x, mode='loss'):
        return dict(loss=self.fc(x).square().mean())


def runner(folder, iters, **kwargs):
    one_cycle = dict(
        type='OneCycleLR', eta_max=0.1, total_steps=8, by_epoch=False)
    return Runner(
        Line(),
        str(folder),
        train_dataloader=dict(
            batch_size=2,
            dataset=[dict(x=torch.full((1, ), float(i))) for i in range(4)],
            sampler=dict(type='InfiniteSampler', shuffle=False),
            collate_fn=dict(type='default_collate')),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=iters),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        param_scheduler=one_cycle,
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', interval=1,
                            by_epoch=False)),
        experiment_name=f'{folder.name}_{iters}',
        randomness=dict(seed=0),
        **kwargs)


def with_pickle(path, source, change):
    """Copy a checkpoint with its pickle changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, 'w') as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name,
                         change(data) if name.endswith('data.pkl') else data)
    return str(path)


def test_runner_checkpoints_resume_and_load(tmp_path, version):
    if SAFE and not version:
        return  # mmengine itself reads only as this torch does
    runner(tmp_path / 'a', 4).train()
    file = str(tmp_path / 'a' / 'iter_2.pth')
    resumed = runner(tmp_path / 'b', 4, load_from=file, resume=True)
    resumed.train()
    straight = read_checkpoint(str(tmp_path / 'a' / 'iter_4.pth'))
    again = read_checkpoint(str(tmp_path / 'b' / 'iter_4.pth'))
    for name, value in straight['state_dict'].items():
        assert torch.equal(value, again['state_dict'][name])
    for key in ('optimizer', 'param_schedulers'):
        assert repr(straight[key]) == repr(again[key])
    loss = [
        c['message_hub']['log_scalars']['train/loss']
        for c in (straight, again)
    ]
    assert type(loss[0]) is HistoryBuffer
    assert type(loss[0].data[0]) is np.ndarray
    np.testing.assert_array_equal(loss[0].data, loss[1].data)

    loaded = runner(tmp_path / 'c', 4, load_from=file)
    loaded.load_or_resume()
    weight = read_checkpoint(file)['state_dict']['fc.weight']
    assert torch.equal(loaded.model.fc.weight, weight)
    if not SAFE:
        return
    # it works only by what mmrep adds
    with pytest.raises(pickle.UnpicklingError, match='HistoryBuffer'):
        torch.load(file)


@pytest.mark.parametrize('core', ['core', '_core'])
def test_pickles_of_both_numpys(tmp_path, core):
    """Arrays, scalars of all kinds of numbers and methods are read back."""
    buffer = HistoryBuffer()
    buffer.update(1.5)
    numbers = [np.dtype(c).type(1) for c in '?bhilqBHILQefdFD']
    source = tmp_path / 'source.pth'
    content = dict(state_dict=dict(), buffer=buffer, numbers=numbers)
    torch.save(content, source)
    other = dict(core=b'numpy._core.', _core=b'numpy.core.')[core]
    path = with_pickle(
        tmp_path / f'{core}.pth', source,
        lambda data: data.replace(other, f'numpy.{core}.'.encode()))
    back = read_checkpoint(path)
    assert back['numbers'] == numbers
    assert [n.dtype for n in back['numbers']] == [n.dtype for n in numbers]
    assert back['buffer'].mean() == 1.5
    assert back['buffer']._statistics_methods['mean'] is HistoryBuffer.mean


def test_one_cycle_scheduler(tmp_path):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
    for strategy in ('cos', 'linear'):
        state = OneCycleLR(
            optimizer, eta_max=1., total_steps=8,
            anneal_strategy=strategy).state_dict()
        torch.save(dict(state_dict={}, s=state), tmp_path / 'a.pth')
        back = read_checkpoint(str(tmp_path / 'a.pth'))['s']
        assert back['anneal_func'] is state['anneal_func']


# raw pickle code: a global, a string, a call with one or two arguments
def name(module, attribute):
    return f'c{module}\n{attribute}\n'.encode()


def text(value):
    return b'X' + struct.pack('<I', len(value)) + value.encode()


def call(function, *arguments):
    tuples = {1: b'\x85', 2: b'\x86'}
    return function + b''.join(arguments) + tuples[len(arguments)] + b'R'


def look_up(owner, attribute):
    return call(name('__builtin__', 'getattr'), owner, text(attribute))


BUFFER = name('mmengine.logging.history_buffer', 'HistoryBuffer')
ONE_CYCLE = name('mmengine.optim.scheduler.param_scheduler',
                 'OneCycleParamScheduler')
GLOBALS = look_up(look_up(BUFFER, '__init__'), '__globals__')
BUILTINS = call(look_up(GLOBALS, 'get'), text('__builtins__'))
EVAL = call(look_up(BUILTINS, 'get'), text('eval'))
ATTACKS = dict(
    system=lambda code: call(
        name('posix', 'system'), text(f'python -c "{code}"')),
    evaluate=lambda code: call(name('__builtin__', 'eval'), text(code)),
    eval_by_getattr=lambda code: call(EVAL, text(code)))
HARMFUL = dict(
    ATTACKS,
    module_globals=lambda _: GLOBALS,
    subclasses=lambda _: look_up(BUFFER, '__subclasses__'),
    torch_load=lambda _: look_up(name('torch', 'Tensor'), '__reduce_ex__'),
    listed_on_other=lambda _: look_up(name('torch', 'Tensor'), 'mean'),
    unlisted=lambda _: look_up(BUFFER, 'statistics'),
    call_method=lambda _: call(look_up(BUFFER, 'mean'), text('x')),
    one_cycle_globals=lambda _: look_up(
        look_up(ONE_CYCLE, '_annealing_cos'), '__globals__'),
    build_one_cycle=lambda _: call(ONE_CYCLE, text('x')),
    object_array=lambda _: name('numpy', 'dtype') + text('O') + b'\x85R' +
    b'(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x3ftb')


@pytest.mark.parametrize('attack', HARMFUL)
def test_refuses_code(tmp_path, attack):
    """No pickle gets beyond data; the message names culprit and way out."""
    mark = tmp_path / 'ran'
    body = HARMFUL[attack](f"open('{mark}', 'w').close()")
    pickled = b'\x80\x02}' + text('state_dict') + body + b's.'
    torch.save({}, tmp_path / 'empty.pth')
    path = with_pickle(tmp_path / 'bad.pth', tmp_path / 'empty.pth',
                       lambda _: pickled)
    if SAFE:
        with pytest.raises(pickle.UnpicklingError), safe_globals.allowed:
            torch.load(path)
    with pytest.raises(UserError, match='--trust-checkpoint') as error:
        read_checkpoint(path)
    assert path in str(error.value) and '\n' not in str(error.value)
    assert not mark.exists()
    if attack in ATTACKS:  # it does run code
        with pytest.raises(UserError, match='no state_dict'):
            read_checkpoint(path, trusted=True)
        assert mark.exists()


class Custom:
    """An object of a user's own."""


def test_trusted(tmp_path):
    path = str(tmp_path / 'a.pth')
    torch.save(dict(state_dict={}, hook=Custom()), path)
    with pytest.raises(UserError, match=r'holds \S*Custom, which'):
        read_checkpoint(path)
    assert type(read_checkpoint(path, trusted=True)['hook']) is Custom


def test_bare_state_dict(tmp_path):
    path = str(tmp_path / 'a.pth')
    torch.save(Line().state_dict(), path)
    assert set(read_checkpoint(path)['state_dict']) == {'fc.weight', 'fc.bias'}
    torch.save(Line().state_dict(), path, _use_new_zipfile_serialization=False)
    assert set(read_checkpoint(path)['state_dict']) == {'fc.weight', 'fc.bias'}


def test_bad_files(tmp_path):
    path = tmp_path / 'a.pth'

    def told(pattern, target=path):
        with pytest.raises(UserError, match=pattern) as error:
            read_checkpoint(str(target))
        assert str(target) in str(error.value)
        assert '\n' not in str(error.value)

    told('no such checkpoint')
    told('download it first', 'https://nowhere.invalid/a.pth')
    told('is a folder', tmp_path)
    for content in (b'', b'hello', b'a = 1\n' * 100, bytes(range(256))):
        path.write_bytes(content)
        told('truncated or not a checkpoint')
    for zipped in (True, False):
        torch.save(
            dict(state_dict=Line().state_dict()),
            path,
            _use_new_zipfile_serialization=zipped)
        path.write_bytes(path.read_bytes()[:-50])
        told('truncated or not a checkpoint')
    for content, held in ((dict(epoch=3, model=1), 'epoch, model'),
                          ([torch.ones(1)], 'a list'), ({}, 'the keys')):
        torch.save(content, path)
        told(f'has no state_dict: it holds .*{held}')


@pytest.mark.parametrize('trusted', [True, False])
def test_torchscript_is_refused_before_it_is_loaded(tmp_path, monkeypatch,
                                                    trusted):
    """PyTorch before 2.6 runs `__setstate__` of one, with any unpickler."""
    script, copy = tmp_path / 'script.pth', tmp_path / 'copy.pth'
    torch.jit.save(torch.jit.trace(Line().fc, torch.ones(1, 1)), script)
    torch.save(dict(state_dict=Line().state_dict()), copy)
    read_checkpoint(str(copy))
    with zipfile.ZipFile(copy, 'a') as archive:
        folder = archive.namelist()[0].partition('/')[0]
        archive.writestr(f'{folder}/constants.pkl', b'')
    monkeypatch.setattr(torch, 'load', None)
    for path in (script, copy):
        with pytest.raises(UserError, match='is a TorchScript archive'):
            read_checkpoint(str(path), trusted)


class Writing(torch.nn.Module):
    """A module that makes a file when its archive is loaded."""

    def __init__(self, path: str):
        super().__init__()
        self.path = path

    @torch.jit.export
    def __getstate__(self) -> Tuple[str, bool]:
        return self.path, self.training

    @torch.jit.export
    def __setstate__(self, state: Tuple[str, bool]) -> None:
        self.path = state[0]
        # the compiler leaves out what is not used
        self.training = torch.from_file(self.path, True, 4).numel() > 9


def test_torchscript_is_not_run(tmp_path):
    path, mark = str(tmp_path / 'a.pth'), tmp_path / 'mark'
    torch.jit.save(torch.jit.script(Writing(str(mark))), path)
    torch.jit.load(path)
    mark.unlink()
    with pytest.raises(UserError, match='is a TorchScript archive'):
        read_checkpoint(path)
    assert not mark.exists()


@pytest.mark.parametrize('name', ['model', 'model_state_dict', None])
def test_a_pickled_model(tmp_path, name):
    """A pickled module needs trust and gives its weights."""
    path, fc = str(tmp_path / 'a.pth'), torch.nn.Linear(1, 1)
    torch.save(fc if name is None else {name: fc, 'epoch': 3}, path)
    with pytest.raises(UserError, match='--trust-checkpoint'):
        read_checkpoint(path)
    read = read_checkpoint(path, trusted=True)['state_dict']
    assert list(read) == ['weight', 'bias']
    assert torch.equal(read['weight'], fc.weight)


@pytest.mark.parametrize(
    'name', ['state_dict', 'model', 'model_state_dict', 'model_ema'])
def test_weights_under_usual_names(tmp_path, name):
    path, weights = str(tmp_path / 'a.pth'), Line().state_dict()
    torch.save({name: weights, 'epoch': 3}, path)
    checkpoint = read_checkpoint(path)
    assert checkpoint['epoch'] == 3
    assert checkpoint['state_dict'].keys() == weights.keys()
    assert checkpoint['state_dict']._metadata == weights._metadata
