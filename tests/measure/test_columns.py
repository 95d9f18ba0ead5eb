"""The texts of the tables of tools/benchmark.py."""
from mmrep.measure.columns import cells_of, title_of

TIMES = dict(
    config='a.py',
    parameters=1.5e6,
    seconds=0.007,
    forward=0.001,
    backward=0.002,
    optimizer=0.004,
    ratio=1.25)


def test_host():
    row = dict(
        TIMES,
        launched=60,
        launched_forward=10,
        launched_backward=20,
        launched_optimizer=30,
        launched_ratio=1.5)
    assert cells_of(row) == {
        'config': 'a.py',
        'parameters': '1.50 M',
        'step': '7.000 ms',
        'forward': '1.000 ms',
        'backward': '2.000 ms',
        'optimizer': '4.000 ms',
        'ratio': '1.25',
        'launched': '60',
        'launched\nforward': '10',
        'launched\nbackward': '20',
        'launched\noptimizer': '30',
        'launched\nratio': '1.50',
    }


def test_inference():
    row = dict(TIMES, form='fused', multiply_adds=2e9)
    for part in ('forward', 'backward', 'optimizer'):
        row.pop(part)
    assert list(cells_of(row).values()) == [
        'a.py', 'fused', '1.50 M', '2.000 G', '0.007000 s', '1.25'
    ]


def test_titles():
    found = dict(
        inference=False,
        backbone=False,
        host=False,
        size=[32, 64],
        batch_size=2,
        device='cpu',
        threads=1,
        torch='2.1')
    where = ', 2 x 32 x 64, cpu, 1 threads, PyTorch 2.1'
    assert title_of(found) == f'training step{where}'
    assert title_of(dict(found, inference=True)) == f'inference{where}'
    assert title_of(dict(found, backbone=True, host=True)) == (
        f"host's time of a training step of the backbone alone{where}")
