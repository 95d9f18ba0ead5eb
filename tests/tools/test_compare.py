"""tools/compare.py, from configs to the page.

The processes of the tool are forks of the tests' own process, which has the
imports behind it; their command lines are taken as they are.
"""
import io
import json
import shutil
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ..forking import Forked


@pytest.fixture(scope='module', autouse=True)
def forks():
    """Let the tool fork, look often, and time a single round."""
    forking = SimpleNamespace(**{**vars(subprocess), 'Popen': Forked})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmrep.comparing.jobs.subprocess', forking)
        patch.setattr('mmrep.comparing.pool.PAUSE', 0.02)
        patch.setattr('mmrep.comparing.latency.ROUNDS', 2)
        yield


@pytest.fixture(scope='module')
def configs(tiny_cls):
    """Return two configs, plain and rich, side by side."""
    text, folder = Path(tiny_cls).read_text(), Path(tiny_cls).parent
    made = []
    for kind in ('ResNet', 'RepVGGResNet'):
        path = folder / f'{kind}.py'
        path.write_text(text.replace("type='OREPAResNet'", f'type={kind!r}'))
        made.append(str(path))
    return made


@pytest.fixture(scope='module')
def tool(load_tool):
    """Return a function that calls the tool with two seeds."""
    main = load_tool('compare').main

    def call(*args, work_dir):
        main([
            *args, '--seeds', '2', '--devices', 'cpu,cpu', '--work-dir',
            str(work_dir)
        ])

    return call


@pytest.fixture
def compare(tool, tmp_path, capsys):
    """Return a function that calls the tool and returns what it says."""

    def compare(*args, work_dir=tmp_path / 'work', fails=False):
        if fails:
            with pytest.raises(SystemExit) as caught:
                tool(*args, work_dir=work_dir)
            assert caught.value.code
        else:
            tool(*args, work_dir=work_dir)
        said = capsys.readouterr()
        return said.out + said.err

    return compare


@pytest.fixture(scope='module')
def comparison(tool, configs, tmp_path_factory):
    """Both configs compared: the folder, and what the tool said."""
    folder = tmp_path_factory.mktemp('compared')
    said = io.TextIOWrapper(io.BytesIO(), 'utf-8')
    with redirect_stdout(said), redirect_stderr(said):
        tool(
            *configs,
            '--report',
            str(folder / 'report'),
            work_dir=folder / 'work')
    said.seek(0)
    return folder, said.read()


@pytest.fixture
def finished(comparison):
    """Return a work dir in which both configs have been compared."""
    return comparison[0] / 'work'


def results_in(folder):
    return json.loads((folder / 'results.json').read_text())


def test_two_nets_from_configs_to_the_page(comparison, finished):
    folder, said = comparison
    report = folder / 'report'
    assert 'differs in' in said and "backbone.type: 'RepVGGResNet'" in said
    assert '4 runs: 2 nets, 2 seeds' in said
    assert '<html' in (report / 'index.html').read_text()
    data = results_in(report)
    assert data['metric'] == 'accuracy/top1'
    found = data['results']
    assert [(r['net'], r['seed']) for r in found] == [('ResNet', 0),
                                                      ('RepVGGResNet', 0),
                                                      ('ResNet', 1),
                                                      ('RepVGGResNet', 1)]
    plain, rich = found[:2]
    assert rich['parameters'] > plain['parameters']
    # the norms of both are in the convolutions then
    assert rich['deployed_parameters'] < rich['parameters']
    assert set(data['latency']) == {'ResNet', 'RepVGGResNet'}
    assert all(0 <= r['metrics']['accuracy/top1'] <= 100 for r in found)
    assert all(r['curve'][-1]['iteration'] == 2 for r in found)
    fused = (finished / 'RepVGGResNet/seed_0.deployed.py').read_text()
    assert 'mmrep' not in fused  # stock hosts load it


def test_again_with_a_longer_baseline(compare, configs, finished):
    """What has run is kept; the baseline runs for as long as the other."""
    before = {p: p.stat().st_mtime for p in finished.glob('*/*.result.json')}
    (finished /
     'ResNet_as_long_as_RepVGGResNet.json').write_text('{"longer": 2.0}')
    said = compare(*configs, '--equal-time', work_dir=finished)
    assert '4 of them finished before' in said
    assert before.items() <= {
        p: p.stat().st_mtime
        for p in finished.glob('*/*.result.json')
    }.items()
    longer = [
        r for r in results_in(finished)['results']
        if r['net'] == 'ResNet_as_long_as_RepVGGResNet'
    ]
    assert [r['iterations'] for r in longer] == [4, 4]


def test_a_metric_that_is_not_there(compare, configs, finished):
    said = compare(*configs, '--metric', 'mIoU', work_dir=finished, fails=True)
    assert "--metric (='mIoU') is none: name one" in said
    assert len([*finished.glob('*/*.result.json')]) >= 4


def test_a_net_that_cannot_be_tested(compare, configs, tmp_path):
    """It is named, and the answer has the other."""
    broken = tmp_path / 'broken.py'
    shutil.copy(configs[1], broken)
    broken.write_text(broken.read_text() +
                      '\ntest_evaluator = dict(type="NoSuchMetric")\n')
    said = compare(configs[0], str(broken), '--allow-differences', fails=True)
    assert 'broken, seed 0 failed: test ended with exit code 1' in said
    assert 'NoSuchMetric' in said and '2 runs failed' in said
    found = results_in(tmp_path / 'work')
    assert {r['net'] for r in found['results']} == {'ResNet'}
    assert set(found['failures']) == {'broken, seed 0', 'broken, seed 1'}


def changed(config, tmp_path, line):
    path = tmp_path / 'changed.py'
    path.write_text(Path(config).read_text() + f'\n{line}\n')
    return str(path)


def test_unequal_configs(compare, configs, tmp_path):
    other = changed(configs[1], tmp_path, "train_dataloader['batch_size'] = 4")
    said = compare(configs[0], other, fails=True)
    assert 'train_dataloader.batch_size: 4 (baseline: 2)' in said
    assert not (tmp_path / 'work').exists()


def test_a_config_that_does_not_train(compare, configs, tmp_path):
    other = changed(configs[1], tmp_path, "backbone['depth'] = 19")
    said = compare(configs[0], other, fails=True)
    assert said.count('error: ') == 1 and '19' in said
    assert not (tmp_path / 'work').exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason='a GPU has it')
def test_mixed_precision_is_refused_before_the_first_run(
        compare, configs, tmp_path):
    said = compare(*configs, '--amp', fails=True)
    assert said.count('error: ') == 1 and 'needs a GPU' in said
    assert not (tmp_path / 'work').exists()


@pytest.mark.parametrize('args, why', [
    (['--seeds', '1'], '--seeds'), (['--devices', 'cuda:9'], "'cuda:9'"),
    (['--processes', '0'], '--processes'), (['--jobs', '0'], '--jobs'),
    (['--baseline', 'other'], '--baseline'),
    (['--launcher', 'slurm'], '--partition')])  # yapf: disable
def test_bad_arguments(load_tool, configs, tmp_path, capsys, args, why):
    with pytest.raises(SystemExit):
        load_tool('compare').main(
            [*configs, '--work-dir',
             str(tmp_path / 'work'), *args])
    said = capsys.readouterr().err
    assert said.count('error: ') == 1 and why in said
    assert not (tmp_path / 'work').exists()


def test_a_report_that_cannot_be_written(compare, configs, tmp_path):
    (tmp_path / 'file').touch()
    said = compare(*configs, '--report', str(tmp_path / 'file'), fails=True)
    assert '--report' in said and not (tmp_path / 'work').exists()
