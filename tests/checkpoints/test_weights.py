"""The weights of a checkpoint, by the names of the model itself."""
import pytest
import torch

from mmrep.checkpoints.weights import choose_weights, read_weights
from mmrep.errors import UserError

ONE, TWO = torch.ones(1), torch.zeros(1)
EMA_HOOK = dict(
    state_dict={'module.a': ONE},
    ema_state_dict={
        'steps': TWO,
        'module.a': TWO,
        'module.module.b': TWO
    })
COMPILED = dict(
    state_dict={'_orig_mod.a': ONE},
    ema_state_dict={
        'steps': TWO,
        'module._orig_mod.a': TWO
    })
OTHERS = dict(state_dict={'_orig_mod.a': ONE}, model_ema={'module.a': TWO})


@pytest.mark.parametrize('checkpoint, ema, expected', [
    (COMPILED, None, {
        'a': ONE
    }),
    (COMPILED, False, {
        'a': TWO
    }),
    (EMA_HOOK, None, {
        'a': ONE
    }),
    (EMA_HOOK, True, {
        'a': ONE
    }),
    (EMA_HOOK, False, {
        'a': TWO,
        'module.b': TWO
    }),
    (OTHERS, None, {
        'a': ONE
    }),
    (OTHERS, True, {
        'a': TWO
    }),
    (OTHERS, False, {
        'a': ONE
    }),
])
def test_which(checkpoint, ema, expected):
    assert choose_weights(checkpoint, ema) == expected


@pytest.mark.parametrize('ema, flag', [(True, '--ema'), (False, '--no-ema')])
def test_no_others(ema, flag):
    with pytest.raises(UserError, match=f'no EMA weights: leave out {flag}'):
        choose_weights(dict(state_dict={'a': ONE}), ema)


@pytest.mark.parametrize('meta', [None, dict(epoch=3)])
def test_reads(tmp_path, meta):
    path = str(tmp_path / 'a.pth')
    torch.save(dict(state_dict={'module.a': ONE}, meta=meta, x=3), path)
    assert read_weights(path) == ({'a': ONE}, meta or {})
    with pytest.raises(UserError, match='no EMA weights'):
        read_weights(path, ema=True)
