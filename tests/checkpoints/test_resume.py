"""Checkpoints from which a training can go on, and others."""
import copy

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import OptimWrapper
from torch import nn

from mmrep.checkpoints import read_checkpoint
from mmrep.checkpoints.resume import check_fits, check_resumable
from mmrep.errors import UserError


def checkpoint():
    """Return a checkpoint as mmengine writes it with DyRepHook and EMAHook."""
    net = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    net(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    buffer = HistoryBuffer()
    buffer.update(1.0)
    weights = net.state_dict()
    return dict(
        meta=dict(epoch=0, iter=2, seed=3, cfg='a = 1'),
        message_hub=dict(
            log_scalars={'train/loss': buffer},
            runtime_info=dict(iter=2),
            resumed_keys={'train/loss': True}),
        optimizer=optimizer.state_dict(),
        param_schedulers=[dict(last_step=2, base_values=[0.1])],
        ema_state_dict={
            'steps': torch.tensor(2),
            **{
                f'module.{k}': v
                for k, v in weights.items()
            }
        },
        state_dict=weights)


def test_good():
    whole = checkpoint()
    check_resumable('a.pth', whole)
    several = dict(whole, optimizer=dict(a=whole['optimizer']))
    check_resumable(
        'a.pth', dict(several, param_schedulers=dict(a=[dict(last_step=2)])))
    for key in ('param_schedulers', 'ema_state_dict'):
        check_resumable('a.pth', {k: v for k, v in whole.items() if k != key})


@pytest.mark.parametrize('key', ['meta', 'message_hub', 'optimizer'])
def test_weights_alone(key):
    whole = checkpoint()
    del whole[key]
    with pytest.raises(UserError, match=f"holds no '{key}', only weights"):
        check_resumable('a.pth', whole)


JUNK = (None, 5, 'x', [], {}, [3], {'a': 3}, True, torch.ones(2))
PLACES = [('meta', ), ('meta', 'epoch'), ('meta', 'iter'), ('meta', 'seed'),
          ('message_hub', ), ('message_hub', 'log_scalars'),
          ('message_hub', 'runtime_info'), ('message_hub', 'resumed_keys'),
          ('optimizer', ), ('optimizer', 'state'),
          ('optimizer', 'param_groups'), ('optimizer', 'state', 0),
          ('param_schedulers', ), ('param_schedulers', 0),
          ('param_schedulers', 0, 'last_step')]
# junk that is of the right kind, or that nobody reads
HARMLESS = {
    ('meta', 'epoch'): (5, ), ('meta', 'iter'): (5, ),
    ('meta', 'seed'): (None, 5),
    ('message_hub', 'log_scalars'): ({}, {'a': 3}),
    ('message_hub', 'runtime_info'): ({}, {'a': 3}),
    ('message_hub', 'resumed_keys'): ({}, {'a': 3}),
    ('optimizer', 'state'): ({}, ), ('optimizer', 'state', 0): ({}, {'a': 3}),
    ('param_schedulers', ): ([], {}),
    ('param_schedulers', 0, 'last_step'): (5, ),
}  # yapf: disable


@pytest.mark.parametrize(
    'place', PLACES, ids=lambda place: '.'.join(map(str, place)))
def test_junk_at_any_place(place):
    for junk in JUNK:
        if any(
                junk is good or (junk == good and type(junk) is type(good))
                for good in HARMLESS.get(place, ())
                if torch.is_tensor(junk) == torch.is_tensor(good)):
            continue
        whole = checkpoint()
        part = whole
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = junk
        with pytest.raises(UserError, match=f'its {place[0]!r}') as error:
            check_resumable('a.pth', whole)
        assert 'cannot resume' in str(error.value), junk
        assert '\n' not in str(error.value) and len(str(error.value)) < 500


@pytest.mark.parametrize('change', [
    lambda average: average.clear(),
    lambda average: average.pop('module.weight'),
    lambda average: average.update({'module.weight': torch.ones(3)}),
])
def test_an_average_of_another_model(change):
    whole = checkpoint()
    change(whole['ema_state_dict'])
    with pytest.raises(UserError, match="'ema_state_dict' is of another"):
        check_resumable('a.pth', whole)


def test_a_config_that_mmengine_would_run(tmp_path):
    whole = copy.deepcopy(checkpoint())
    whole['meta']['config'] = 'import os'
    torch.save(whole, tmp_path / 'a.pth')
    path = str(tmp_path / 'a.pth')
    read = read_checkpoint(path)
    with pytest.raises(UserError, match='runs as Python.*--trust-checkpoint'):
        check_resumable(path, read)
    check_resumable(path, read, trusted=True)


@pytest.mark.parametrize('seed, good', [(2**31, True), (2**32, False),
                                        (2**70, False)])
def test_seeds(seed, good):
    whole = checkpoint()
    whole['meta']['seed'] = seed
    if good:
        return check_resumable('a.pth', whole)
    with pytest.raises(UserError, match="its 'meta'"):
        check_resumable('a.pth', whole)


@pytest.mark.parametrize('part', ['log_scalars', 'runtime_info'])
def test_keys_of_the_message_hub(part):
    whole = checkpoint()
    whole['message_hub'][part][3] = 4
    with pytest.raises(UserError, match="its 'message_hub'"):
        check_resumable('a.pth', whole)


@pytest.mark.parametrize('key, cfg', [
    ('meta', dict(train_cfg=dict(max_iters=1))),
    ('param_schedulers', dict(param_scheduler=None)),
    ('optimizer', dict()),
])
def test_a_config_that_it_does_not_fit(key, cfg):
    whole, net = checkpoint(), nn.Linear(2, 2)
    cfg = {
        **dict(train_cfg=dict(max_iters=4), param_scheduler=[dict()]),
        **cfg
    }
    good = OptimWrapper(torch.optim.SGD(net.parameters(), lr=1, momentum=0.9))
    bad = OptimWrapper(torch.optim.AdamW(net.parameters(), lr=1))
    with pytest.raises(UserError, match=f'its {key!r} does not fit') as error:
        check_fits('a.pth', whole, cfg, bad if key == 'optimizer' else good)
    assert 'load_from=a.pth' in str(error.value)
    cfg.update(train_cfg=dict(max_iters=4), param_scheduler=[dict()])
    check_fits('a.pth', whole, cfg, good)
