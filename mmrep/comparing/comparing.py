"""A whole comparison: checked, run, and gathered."""
from dataclasses import dataclass, field
from typing import Dict, List, Optional, Sequence, Tuple

from rich.console import Console
from rich.markup import escape

from ..answers.results import Comparison, Result
from ..cli.flags import set_flags
from ..errors import UserError, one_line
from .differences import Difference, check_fair, differences
from .equal_time import check_lengths, longer_baselines
from .files import keep_to
from .latency import latencies
from .metrics import deciding, lower_is_better
from .places import Launch, Place
from .plan import Net, Run, check_nets, read_nets, run_of, runs_of
from .pool import Pool
from .progress import Progress


@dataclass
class Settings:
    """What is compared, and how it is run.

    Attributes:
        configs: The paths of the configs.
        seeds: The seeds.
        work_dir: The folder of all runs.
        launch: How processes are started.
        places: Where they run.
        baseline: The path or the name of the baseline's config, None for the
            first one.
        metric: The metric that decides, None for the usual one.
        lower_is_better: True for a metric such as an error.
        allow_differences: True compares unequal configs, too.
        equal_time: True trains longer baselines, too.
        cfg_options: The values that replace those of each config.
        amp: True trains in mixed precision.
        auto_scale_lr: True scales the learning rate with the batch size.
        command: The command, for the answer.
    """

    configs: Sequence[str]
    seeds: Sequence[int]
    work_dir: str
    launch: Launch
    places: Sequence[Place]
    baseline: Optional[str] = None
    metric: Optional[str] = None
    lower_is_better: bool = False
    allow_differences: bool = False
    equal_time: bool = False
    cfg_options: Optional[dict] = None
    amp: bool = False
    auto_scale_lr: bool = False
    command: str = ''


@dataclass
class _Found:
    """What has been found so far."""

    results: List[Result] = field(default_factory=list)
    failures: Dict[str, str] = field(default_factory=dict)


def compare(settings: Settings, console: Console) -> Comparison:
    """Run what is not finished, and gather the answer.

    Args:
        settings: What is compared, and how it is run.
        console: Where the progress is shown.

    Raises:
        UserError: The configs cannot be compared, no run has ended well, or a
            file cannot be written. Finished runs are kept.
    """
    nets = read_nets(settings.configs, settings.baseline, settings.cfg_options)
    for net in nets:  # in the configs, so that no run is taken for another
        set_flags(net.cfg, settings.amp, settings.auto_scale_lr)
    differing = _differing(nets, console)
    if not settings.allow_differences:
        check_fair({n.path: differing[n.name] for n in nets[1:]}, nets[0].path)
    if settings.equal_time:
        check_lengths(nets)
    check_nets(nets)
    keep_to(settings.work_dir, settings.launch.processes)
    found = _Found()
    _run(nets, settings, nets, found, console)
    longer = longer_baselines(
        nets, found.results, settings.work_dir) if settings.equal_time else {}
    _run(list(longer.values()), settings, nets, found, console)
    if not found.results:
        name, why = next(iter(found.failures.items()))
        raise UserError(f'no run ended well; {name}: {why}')
    return _answer(settings, nets, longer, found, differing, console)


def _differing(nets: Sequence[Net],
               console: Console) -> Dict[str, List[Difference]]:
    """Find and print the differences of each config to the baseline's."""
    found = {net.name: differences(net.cfg, nets[0].cfg) for net in nets[1:]}
    console.print(f'baseline: {nets[0].name}', highlight=False)
    for name, each in found.items():
        console.print(f'{name} differs in', highlight=False)
        for difference in each:
            console.print(
                f'  {escape(str(difference))}',
                highlight=False,
                soft_wrap=True)
    return found


def _run(nets: Sequence[Net], settings: Settings, all_nets: Sequence[Net],
         found: _Found, console: Console) -> None:
    """Run nets with all seeds and add what they give."""
    if not nets:
        return
    runs = runs_of(nets, settings.seeds, settings.work_dir)
    places = list(settings.places) or [Place(())] * len(runs)

    def check(result: Result) -> None:
        deciding(settings.metric, [result], all_nets[0].cfg)

    pool = Pool(settings.launch, places, Progress(console, len(places)), check)
    found.results += pool.run(runs)
    found.failures.update(pool.failures)


def _answer(settings: Settings, nets: Sequence[Net], longer: Dict[str, Net],
            found: _Found, differing: Dict[str, List[Difference]],
            console: Console) -> Comparison:
    """Gather what has been found."""
    latency, notes = _latency(settings, nets, found.results)
    for note in notes:
        console.print(escape(note), highlight=False, soft_wrap=True)
    names = [net.name for net in nets]
    opponents = {
        name: [names[0], *([longer[name].name] if name in longer else [])]
        for name in names[1:]
    }
    opponents.update({net.name: [names[0]] for net in longer.values()})
    metric = deciding(settings.metric, found.results, nets[0].cfg)
    return Comparison(
        metric=metric,
        nets=[*names, *(net.name for net in longer.values())],
        results=found.results,
        opponents=opponents,
        latency=latency,
        lower_is_better=settings.lower_is_better
        or lower_is_better(metric, nets[0].cfg),
        differences={
            n: list(map(str, each))
            for n, each in differing.items()
        },
        failures=found.failures,
        notes=[*notes, *_notes(settings, nets)],
        command=settings.command)


def _latency(settings: Settings, nets: Sequence[Net],
             results: Sequence[Result]) -> Tuple[Dict[str, float], List[str]]:
    """Return the latencies, or a note that says why there are none."""
    first: Dict[str, Run] = {}
    for result in results:
        net = next((n for n in nets if n.name == result.net), None)
        if net is not None and net.name not in first:
            first[net.name] = run_of(net, result.seed, settings.work_dir)
    try:
        return latencies(list(first.values())), []
    except UserError as error:
        return {}, [f'latency was not measured: {one_line(error)}']


def _notes(settings: Settings, nets: Sequence[Net]) -> List[str]:
    """Return sentences about how the runs took place."""
    notes = [
        'The metric is that of the last checkpoint, deployed, on the '
        'test set. Latency is that of features and dense heads for one '
        'image.'
    ]
    if len(settings.places) > 1:
        notes.append(f'{len(settings.places)} runs took place at a time, '
                     'which can lengthen each.')
    if any(not n.cfg.train_dataloader.get('num_workers') for n in nets):
        notes.append(
            'Without workers of the dataloader (num_workers=0) all nets get '
            'the same images in the same order with a seed, and the same '
            'augmentations as long as no part of a net draws random numbers '
            'of numpy.')
    return notes
