"""Runs that are played by tiny processes, and nets that are not built."""
import json
import sys

import pytest
from mmengine.config import Config

from mmrep.answers.results import Result
from mmrep.comparing.places import Launch
from mmrep.comparing.plan import Net, run_of

# what the training of a run does: it counts on from its record to the length,
# and leaves a checkpoint in between
TRAIN = '''
import json, os, sys, time
folder, length, pause = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
os.makedirs(folder, exist_ok=True)
path = os.path.join(folder, 'training_record.json')
done = json.load(open(path))['iteration'] if os.path.exists(path) else 0
open(folder + '.starts', 'a').write(f'{os.getpid()} {done}\\n')
while done < length:
    time.sleep(pause)
    done += 1
    json.dump(dict(iteration=done, length=length), open(path + '.new', 'w'))
    os.replace(path + '.new', path)
'''
FINISH = '''
import json, sys
json.dump(json.loads(sys.argv[2]), open(sys.argv[1], 'w'))
'''
FAIL = '''
import sys
print('some lines')
sys.exit('error: `lr` (=-1) must be positive')
'''


def result(net='plain', seed=0, value=50., seconds=10., **more):
    """Return a result of a run."""
    usual = dict(
        metrics=dict(mIoU=value),
        iterations=100,
        memory=900.,
        parameters=1000,
        deployed_parameters=500)
    return Result(net, seed, seconds=seconds, **{**usual, **more})


class Played(Launch):
    """Starts tiny processes in place of trainings.

    Args:
        failing: The nets whose training fails.
        length: The number of iterations of each training.
        pause: Seconds of an iteration.
    """

    def __init__(self, failing=(), length=2, pause=0.):
        super().__init__('tools')
        object.__setattr__(self, 'playing', (failing, length, pause))

    def train(self, run, checkpoint):
        failing, length, pause = self.playing
        code = FAIL if run.net in failing else TRAIN
        return [
            sys.executable, '-S', '-c', code, run.folder,
            str(length),
            str(pause)
        ]

    def finish(self, run):
        plain = result(run.net, run.seed, 1.)
        return [
            sys.executable, '-S', '-c', FINISH,
            run.beside('result.json'),
            json.dumps(plain.plain())
        ]


@pytest.fixture
def net_of():
    """Return a function that makes a net of a name, with any config."""

    def net_of(name, **config):
        cfg = Config(dict(model=dict(type='A'), **config))
        return Net(name, f'{name}.py', cfg)

    return net_of


@pytest.fixture
def runs(tmp_path, net_of):
    """Return the runs of two nets with two seeds."""
    return [
        run_of(net_of(name), seed, str(tmp_path / 'work')) for seed in (0, 1)
        for name in ('plain', 'rich')
    ]
