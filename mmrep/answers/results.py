"""What a run has given, and what a comparison has found."""
from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List


@dataclass(frozen=True)
class Point:
    """A validation in the course of a training.

    Attributes:
        iteration: The number of iterations before it.
        seconds: The time of training before it, validations left out.
        metrics: The metrics of the net in its training form.
    """

    iteration: int
    seconds: float
    metrics: Dict[str, float]


@dataclass(frozen=True)
class Result:
    """A finished run: one net, one seed.

    Attributes:
        net: Name of the net, which is that of its config.
        seed: The seed.
        metrics: The metrics of the deployed net.
        iterations: The length of its training.
        seconds: The time of its training, validations left out.
        memory: The highest memory while it trained, in MiB.
        parameters: The most parameters that it had while it trained.
        deployed_parameters: Parameters of the deployed net.
        curve: The validations of its training, in order.
        device: What it was trained on.
    """

    net: str
    seed: int
    metrics: Dict[str, float]
    iterations: int
    seconds: float
    memory: float
    parameters: int
    deployed_parameters: int
    curve: List[Point] = field(default_factory=list)
    device: str = ''

    @classmethod
    def of(cls, data: Dict[str, Any]) -> 'Result':
        """Return the result that plain data describe."""
        curve = [Point(**point) for point in data.get('curve', ())]
        return cls(**{**data, 'curve': curve})

    def plain(self) -> Dict[str, Any]:
        """Return plain data that describe the result."""
        return asdict(self)


@dataclass(frozen=True)
class Comparison:
    """All that the answer of a comparison is made of.

    Attributes:
        metric: Name of the metric that decides.
        nets: Names of the nets in order, the baseline first.
        results: The finished runs.
        opponents: For each net the names of the nets that it is compared
            with: the baseline, and with equal time also the baseline that has
            trained as long as the net. The baseline has none.
        latency: Seconds that the deployed net takes for one image.
        lower_is_better: True for a metric such as an error.
        differences: For each net the lines that tell how its config differs
            from that of the baseline.
        failures: A sentence for each run that has failed, by its name.
        notes: Sentences about how it was run.
        command: The command that made it.
    """

    metric: str
    nets: List[str]
    results: List[Result]
    opponents: Dict[str, List[str]] = field(default_factory=dict)
    latency: Dict[str, float] = field(default_factory=dict)
    lower_is_better: bool = False
    differences: Dict[str, List[str]] = field(default_factory=dict)
    failures: Dict[str, str] = field(default_factory=dict)
    notes: List[str] = field(default_factory=list)
    command: str = ''

    def of(self, net: str) -> List[Result]:
        """Return the finished runs of a net, by their seeds."""
        return sorted((r for r in self.results if r.net == net),
                      key=lambda r: r.seed)
