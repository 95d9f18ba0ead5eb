"""Numbers of a training: its memory and its metrics."""
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmrep.hooks import training_costs
from mmrep.hooks.training_costs import numbers_of, peak


def test_metrics_that_are_no_numbers_are_left_out():
    metrics = dict(
        top1=torch.tensor(50.),
        mIoU=0.5,
        classes=[1., 2.],
        confusion=torch.ones(2, 2),
        name='none')
    assert numbers_of(metrics) == dict(top1=50., mIoU=0.5)


@pytest.mark.skipif(
    torch.cuda.is_available() or not Path('/proc/self/status').exists(),
    reason='counts the memory of a process on Linux')
def test_the_memory_of_the_process_that_has_started_it_does_not_count():
    code = Path(training_costs.__file__).read_text().replace(
        'import torch\n', '')
    code += 'print(_of_this_program())'
    said = subprocess.check_output([sys.executable, '-S', '-c', code])
    assert 1 < float(said) < peak() / 4
