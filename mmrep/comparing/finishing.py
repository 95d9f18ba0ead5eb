"""Deploy a trained run, test it and write its result, as a process."""
import os.path as osp
import sys
from argparse import Namespace
from typing import Dict, Tuple

from ..checkpoints.weights import read_weights
from ..cli.errors import report_errors
from ..cli.launch import prepare_config
from ..cli.preflight import check_testing
from ..cli.runner import build_runner
from ..deploy import deploy
from ..errors import UserError
from ..hooks import KeepKernelsHook
from ..hooks.training_record_hook import read_record
from ..hosts import build_model, load_config
from ..nets.walk import rep_layers
from ..structures.from_weights import enrich
from .files import RESULT, checkpoint_of, write_result
from .results import Point, Result

DEPLOYED = 'deployed'  # files beside the config, and a folder of logs


def finish(config: str, folder: str) -> Result:
    """Deploy a trained run, test the deployed net, and return the result.

    Args:
        config: The path of the config of the run.
        folder: The work dir of its training.

    Raises:
        UserError: The training has left no checkpoint or no record, or its
            net cannot be fused or tested.
    """
    checkpoint, record = checkpoint_of(folder), read_record(folder)
    if checkpoint is None or not record:
        raise UserError(f'{folder!r} has no whole checkpoint after the '
                        'training: let its CheckpointHook save the last one')
    metrics, parameters = _tested(*_deployed(config, checkpoint, folder),
                                  f'{folder}.{DEPLOYED}')
    return Result(
        net=osp.basename(osp.dirname(folder)),
        seed=load_config(config).randomness.seed,
        metrics=metrics,
        iterations=record['iteration'],
        seconds=record['seconds'],
        memory=record['memory'],
        parameters=record['parameters'],
        deployed_parameters=parameters,
        curve=[Point(**point) for point in record['curve']],
        device=record['device'])


def _deployed(config: str, checkpoint: str, folder: str) -> Tuple[str, str]:
    """Return the config and the checkpoint of the deployed net."""
    model = build_model(load_config(config))
    enrich(model, read_weights(checkpoint).state_dict)
    if not any(rep_layers(model)):  # a plain net is deployed as it is
        return config, checkpoint
    report = deploy(config, checkpoint, f'{folder}.{DEPLOYED}.pth')
    return report.config, report.checkpoint


def _tested(config: str, checkpoint: str,
            work_dir: str) -> Tuple[Dict[str, float], int]:
    """Return the metrics of a deployed net and its number of parameters."""
    cfg = prepare_config(
        Namespace(
            config=config,
            cfg_options=None,
            trust_checkpoint=False,
            work_dir=work_dir))
    check_testing(cfg, checkpoint)
    cfg.resume, cfg.load_from, cfg.launcher = False, checkpoint, 'none'
    runner = build_runner(cfg)
    runner.register_hook(KeepKernelsHook())
    metrics = runner.test()
    count = sum(p.numel() for p in runner.model.parameters())
    return {name: float(value) for name, value in metrics.items()}, count


@report_errors
def main() -> None:
    """Finish the run that the arguments name."""
    config, folder = sys.argv[1:]
    write_result(finish(config, folder), f'{folder}.{RESULT}')


if __name__ == '__main__':
    main()
