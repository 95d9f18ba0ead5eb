"""Nets whose structure differs from layer to layer, through real Runners."""
import json

import pytest
import torch
from mmdet.apis import init_detector
from mmengine.config import Config
from mmseg.apis import init_model

import mmrep
from mmrep.cli import build_model, load_config
from mmrep.deploy import relative_difference
from mmrep.deploy.verify import outputs
from mmrep.testing import randomize_norms

# layers that can grow and have not yet: plain convolutions
UNGROWN = dict(
    type='ResNet',
    depth=18,
    base_channels=8,
    stem_channels=8,
    conv_cfg=dict(type='DBBConv2d', branches=(), norms=()),
    norm_cfg=dict(type='BN'))
EVOLVED = {
    'backbone.layer1.0.conv1':
    dict(type='DBBConv2d', branches=['1x1', 'identity'], norms=['branches']),
    'backbone.layer2.0.conv1':
    dict(
        type='DBBConv2d',
        branches={
            '1x1_kxk': dict(second=dict(type='DBBConv2d', branches=['1xk']))
        },
        kxk=dict(type='DBBConv2d', branches=['kx1', '1x1_average'])),
}
HOSTS = {'mmseg': init_model, 'mmdet': init_detector}


@pytest.fixture(params=HOSTS)
def host(request):
    return request.param


@pytest.fixture
def config(host, tiny_seg, tiny_det, tmp_path):
    """The tiny config of a host with a backbone that can grow."""
    cfg = Config.fromfile(tiny_seg if host == 'mmseg' else tiny_det)
    cfg.model.backbone = UNGROWN
    path = tmp_path / 'ungrown.py'
    cfg.dump(path)
    return str(path)


@pytest.fixture
def evolved(config, tmp_path):
    """A net that has grown, and the path of its checkpoint."""
    model = build_model(load_config(config))
    grown = {**mmrep.structure(model), **EVOLVED}
    mmrep.restructure(model, grown)
    randomize_norms(model)
    path = tmp_path / 'evolved.pth'
    meta = dict(dataset_meta=dict(classes=('a', 'b'), palette=[(0, 0, 0)] * 2))
    torch.save(dict(meta=meta, state_dict=model.state_dict()), path)
    return model.eval(), str(path)


def same(model, other):
    x = torch.randn(1, 3, 64, 64)
    assert mmrep.structure(model) == mmrep.structure(other)
    pairs = zip(outputs(model, x), outputs(other, x), strict=True)
    assert all(relative_difference(a, b) < 1e-5 for a, b in pairs)


def test_the_hosts_own_apis_load_it(host, config, evolved):
    loaded = HOSTS[host](config, evolved[1], device='cpu')
    same(evolved[0], loaded)


def test_the_runner_tests_it_with_and_without_ema(config, evolved, load_tool,
                                                  tmp_path):
    cfg = Config.fromfile(config)
    cfg.custom_hooks = [dict(type='EMAHook')]
    cfg.dump(tmp_path / 'ema.py')
    scores = []
    for path in (config, str(tmp_path / 'ema.py')):
        work_dir = tmp_path / f'test{len(scores)}'
        load_tool('test').main([path, evolved[1], '--work-dir', str(work_dir)])
        report = max(work_dir.glob('*/*.json'))
        scores.append(json.loads(report.read_text()))
    for score in scores:  # these scores are seconds
        score.pop('time'), score.pop('data_time')
    assert scores[0] == scores[1] and scores[0]


def test_it_fuses_to_a_plain_net(config, evolved, load_tool, tmp_path):
    out = tmp_path / 'fused.pth'
    load_tool('fuse').main([config, evolved[1], str(out)])
    cfg = load_config(str(out.with_suffix('.py')))
    assert 'DBB' not in cfg.pretty_text and 'mmrep' not in cfg.pretty_text
    plain = build_model(cfg).eval()
    plain.load_state_dict(torch.load(out)['state_dict'])
    x = torch.randn(1, 3, 64, 64)
    for a, b in zip(outputs(evolved[0], x), outputs(plain, x)):
        assert relative_difference(a, b) < 1e-5


def test_training_starts_from_it_and_resumes(host, config, evolved, load_tool,
                                             tmp_path):
    """With the structure, the optimizer knows all parameters."""
    structure = {
        name[len('backbone.'):]: layer
        for name, layer in mmrep.structure(evolved[0]).items()
    }
    cfg = Config.fromfile(config)
    cfg.model.backbone = dict(
        type='Restructured', model=UNGROWN, structure=structure)
    cfg.custom_hooks = [dict(type='EMAHook')]
    cfg.dump(tmp_path / 'evolved.py')
    main = load_tool('train').main
    common = [str(tmp_path / 'evolved.py'), '--work-dir']
    start = ['--cfg-options', f'load_from={evolved[1]}']
    main([*common, str(tmp_path / 'run'), *start, 'train_cfg.max_iters=4'])
    main([*common, str(tmp_path / 'half'), *start, 'train_cfg.max_iters=2'])
    main([
        *common,
        str(tmp_path / 'half'), '--resume', '--cfg-options',
        'train_cfg.max_iters=4'
    ])
    ends = [
        torch.load(tmp_path / name / 'iter_4.pth', weights_only=False)
        for name in ('run', 'half')
    ]
    first, second = [end['state_dict'] for end in ends]
    parameters = list(evolved[0].parameters())
    assert len(ends[0]['optimizer']['state']) == len(parameters)
    assert first.keys() == second.keys() == evolved[0].state_dict().keys()
    names = [n for n in first if '1x1_kxk.second.weight' in n]
    before = evolved[0].state_dict()[names[0]]
    assert not first[names[0]].equal(before)
    if host == 'mmseg':  # mmdet's detector shuffles at random
        assert all(first[name].equal(second[name]) for name in first)


def error_of(main, capsys, *arguments):
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    assert stop.value.code != 0
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_training_that_would_lose_parameters_is_refused(
        config, evolved, load_tool, capsys, tmp_path):
    """The optimizer is made before the weights bring their branches."""
    main = load_tool('train').main
    common = [config, '--work-dir', str(tmp_path / 'run')]
    message = error_of(main, capsys, *common, '--cfg-options',
                       f'load_from={evolved[1]}')
    assert message.startswith('error: ') and 'Restructured' in message
    checkpoint = torch.load(evolved[1], weights_only=False)
    torch.save({**checkpoint, 'message_hub': {}, 'optimizer': {}}, evolved[1])
    message = error_of(main, capsys, *common, '--resume', evolved[1])
    assert message.startswith('error: cannot resume from')
    assert 'other branches' in message


def test_the_structure_of_a_checkpoint(config, evolved, load_tool, tmp_path):
    """A converted DyRep backbone takes structure and weights likewise."""
    backbone = {
        name[len('backbone.'):]: tensor
        for name, tensor in evolved[0].state_dict().items()
        if name.startswith('backbone.')
    }
    path = str(tmp_path / 'backbone.pth')
    torch.save(backbone, path)
    cfg = Config.fromfile(config)
    pretrained = dict(type='Pretrained', checkpoint=path)
    cfg.model.backbone = dict(
        type='Restructured',
        model=dict(UNGROWN, init_cfg=pretrained),
        structure=path)
    cfg.dump(tmp_path / 'pretrained.py')
    main = load_tool('train').main
    main([
        str(tmp_path / 'pretrained.py'), '--work-dir',
        str(tmp_path / 'run'), '--cfg-options', 'train_cfg.max_iters=1',
        'default_hooks.checkpoint.interval=1', 'optim_wrapper.optimizer.lr=0'
    ])
    end = torch.load(tmp_path / 'run' / 'iter_1.pth', weights_only=False)
    for name, tensor in backbone.items():
        if name.endswith('weight'):
            assert end['state_dict'][f'backbone.{name}'].equal(tensor), name
