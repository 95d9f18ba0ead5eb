"""Rows of numbers about configs."""
import pytest

from mmrep.measure import memory
from mmrep.measure.comparison import (all_forms, compare_inference,
                                      compare_training, training_steps)

SIZE = (64, 64)


@pytest.fixture
def compared(plain, tiny_cls):
    """Rows of steps with known times, and the calls of the progress."""
    steps, told = training_steps([plain, tiny_cls], SIZE, 2), []
    said = [[(9, 9, 9), (1, 2, 1), (9, 9, 9)], [(9, 9, 9), (2, 3, 4),
                                                (2, 4, 4)]]
    for (_, step), times in zip(steps, map(iter, said)):
        step.timed = lambda times=times: next(times)
    return compare_training(steps, 2, lambda: told.append(1)), steps, told


def test_times_of_steps(compared):
    rows, steps, told = compared
    parts = ('forward', 'backward', 'optimizer')
    assert [[row[part] for part in parts] for row in rows] == [[1, 2, 1],
                                                               [2, 3, 4]]
    assert [row['seconds'] for row in rows] == [4, 9]
    assert [row['ratio'] for row in rows] == [1, 2.25]
    assert len(told) == 2 * (2 + 2)


def test_memory_of_steps(compared):
    rows, steps, _ = compared
    first, second = rows
    for row, (head, step) in zip(rows, steps):
        optimizer = step.optim_wrapper.optimizer
        again = memory.step_memory(step, step.model, optimizer)
        assert row['config'] == head['config']
        assert row['memory'] == pytest.approx(again, rel=0.02)
        assert row['memory_own'] == memory.explained(step.model, optimizer)
        assert row['memory'] > row['memory_own']
    more = second['memory'] - first['memory']
    own = second['memory_own'] - first['memory_own']
    assert second['memory_ratio'] == second['memory'] / first['memory'] > 1
    assert first['memory_unexplained'] == 0
    assert second['memory_unexplained'] == pytest.approx(100 * (more - own) /
                                                         second['memory'])


def test_structure(compared):
    rows, steps, _ = compared
    for row, (_, step) in zip(rows, steps):
        expected = sum(p.numel() for p in step.model.parameters())
        assert row['parameters'] == expected
    assert rows[0]['multiply_adds'] < rows[1]['multiply_adds']


@pytest.mark.parametrize('first, deployed', [('rich', 3), ('plain', 0)])
def test_inference_is_over_what_is_deployed(plain, tiny_cls, first, deployed):
    configs = [plain, tiny_cls]
    configs = configs if first == 'plain' else configs[::-1]
    forms, told = all_forms(configs, SIZE, 2), []
    times = iter([9, 9, 9, 9, 9, 4, 2, 8, 5, 1])  # a warm-up and one round
    for form in forms:
        form.timed = lambda: (next(times), )
    rows = compare_inference(forms, 1, lambda: told.append(1))
    assert [row['seconds'] for row in rows] == [4, 2, 8, 5, 1]
    base = rows[deployed]
    assert base['form'] == ('plain' if first == 'plain' else 'fused')
    assert [r['ratio']
            for r in rows] == [r['seconds'] / base['seconds'] for r in rows]
    assert [row['config'] for row in rows] == [form.name for form in forms]
    assert len(told) == 5 * (1 + 2)


@pytest.fixture
def evolving(plain, tmp_path):
    path = tmp_path / 'evolving.py'
    path.write_text(f"_base_ = '{plain}'\n"
                    'train_cfg = dict(max_iters=12)\n'
                    "custom_hooks = [dict(type='DyRepHook', interval=2)]")
    return str(path)


def test_a_net_that_evolves_has_two_rows(plain, evolving):
    told = []
    steps = training_steps([plain, evolving],
                           SIZE,
                           2,
                           progress=lambda *args: told.append(args))
    heads = [head for head, _ in steps]
    assert heads == [
        dict(config=plain),
        dict(config=evolving, moment='half-way'),
        dict(config=evolving, moment='at the end')
    ]
    assert told[:3] == [(plain, ), (evolving, ), (evolving, 0, 5)]
    rows = compare_training(steps, 1, lambda: None)
    assert [row.get('moment')
            for row in rows] == [None, 'half-way', 'at the end']
    costs = [row['parameters'] for row in rows]
    assert costs == sorted(costs) and len(set(costs)) == 3


def test_forms_are_told(plain):
    told = []
    all_forms([plain], SIZE, 1, lambda path: told.append(path))
    assert told == [plain]
