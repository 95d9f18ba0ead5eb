"""Comparisons with made-up numbers, for tests of the answer."""
import numpy as np
from scipy.stats import ttest_rel

from mmrep.answers.results import Comparison, Point, Result

LONG = 'fcn_orepa_r18_quarter_width_shapes_hard_with_a_long_name'
FAILURE = ('training ended with status 1\n'
           '  File "train.py", line 3, in <module>\n'
           'RuntimeError: CUDA out of memory & no <swap> left')
# gain in mIoU, seconds, MiB, parameters in training
NETS = {
    'plain_r18': (0, 610, 1450, 701_000),
    'dbb_r18': (0.9, 1490, 2900, 2_310_000),
    'dyrep_r18': (0.7, 1010, 2100, 1_240_000),
    'repvgg_r18': (-0.1, 930, 2050, 790_000),
    LONG: (1.3, 1260, 2350, 1_120_000),
    f'plain_r18 (as long as {LONG})': (0.5, 1255, 1450, 701_000),
}
BASELINE, SINGLE = 'plain_r18', 'repvgg_r18'
AS_LONG = list(NETS)[-1]


def run(net='a', seed=0, value=1., **more):
    """Return a finished run with one metric."""
    usual = dict(
        iterations=10,
        seconds=100.,
        memory=50.,
        parameters=2000,
        deployed_parameters=1000)
    return Result(net, seed, {'mIoU': value}, **{**usual, **more})


def small(values, **more):
    """Return a comparison of the metric's values, by net and seed."""
    runs = [
        run(net, seed, value) for net, seeds in values.items()
        for seed, value in seeds.items()
    ]
    return Comparison('mIoU', list(values), runs, **more)


def expected(comparison, net, opponent):
    """Return mean and interval of a difference over all seeds, by scipy."""
    own, other = ([r.metrics['mIoU'] for r in comparison.of(name)]
                  for name in (net, opponent))
    ends = ttest_rel(own, other).confidence_interval(0.95)
    return np.mean(own) - np.mean(other), ends.low, ends.high


def demo():
    """Return six nets over five seeds; one run failed, one net has one."""
    rng = np.random.default_rng(3)
    luck = rng.normal(0, 0.5, 5)  # of a seed, for all nets
    runs = [
        _run(net, seed, luck[seed], rng) for net in NETS for seed in range(5)
        if not (net == SINGLE and seed > 0 or net == 'dbb_r18' and seed == 3)
    ]
    return Comparison(
        'mIoU',
        list(NETS),
        runs,
        opponents={
            **{
                net: [BASELINE]
                for net in NETS if net != BASELINE
            },
            LONG: [BASELINE, AS_LONG],
        },
        latency={net: 0.00312
                 for net in NETS},
        differences={
            'dbb_r18': ["model.backbone.conv_cfg: None -> dict(type='DBB')"],
            LONG: [
                "model.backbone.conv_cfg: None -> dict(type='OREPA')",
                'optim_wrapper.paramwise_cfg.custom_keys: {} -> '
                "{'branch_scales': dict(lr_mult=1.0, decay_mult=0.0)}",
            ],
        },
        failures={
            'dbb_r18, seed 3': FAILURE,
            **{
                f'{SINGLE}, seed {seed}': 'the training has not begun'
                for seed in range(1, 5)
            },
        },
        notes=[
            'Data come in the same order for all nets of a seed.',
            'One run at a time on 2 cores.',
        ],
        command='python tools/compare.py plain_r18.py dbb_r18.py --seeds 5 '
        '--equal-time --work-dir work_dirs/compare')


def _run(net, seed, luck, rng):
    gain, seconds, memory, parameters = NETS[net]
    seconds *= rng.normal(1, 0.02)
    iterations = 4200 if net == AS_LONG else 2000
    final = 71 + gain + luck + rng.normal(0, 0.35)
    curve = [
        Point(
            int(part * iterations), part * seconds, {
                'mIoU': final *
                (1 - 0.6 * np.exp(-5 * part)) + rng.normal(0, 0.4),
                'aAcc': 92.,
            }) for part in np.arange(1, 11) / 10
    ]
    return Result(
        net,
        seed, {
            'mIoU': final,
            'aAcc': 92.
        },
        iterations,
        seconds,
        memory + seed,
        parameters,
        698_000,
        curve,
        device='cpu')
