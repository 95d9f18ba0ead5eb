"""Deploy a trained run, test it and write its result, as a process."""
import os.path as osp
import sys
from argparse import Namespace
from typing import Dict

from ..answers.results import Point, Result
from ..checkpoints.safe_load import read_checkpoint
from ..cli.errors import report_errors
from ..cli.launch import prepare_config
from ..cli.preflight import check_testing
from ..cli.runner import launch_runner
from ..errors import UserError
from ..hooks import KeepKernelsHook
from ..hooks.training_costs import numbers_of
from ..hooks.training_record_hook import read_record
from ..hosts import load_config
from .deployed import DEPLOYED, deploy_run, deployed_files, deployed_net
from .files import RESULT, checkpoint_of, write_result


def finish(config: str, folder: str) -> Result:
    """Deploy a trained run, test the deployed net, and return the result.

    Args:
        config: The path of the config of the run.
        folder: The work dir of its training.

    Raises:
        UserError: The training has left no checkpoint or no record, or its
            net cannot be fused or tested.
    """
    record = read_record(folder)
    deploy_run(config, check_last(folder, record), folder)
    files = deployed_files(config, folder)
    return Result(
        net=osp.basename(osp.dirname(folder)),
        seed=load_config(config).randomness.seed,
        metrics=_tested(*files, f'{folder}.{DEPLOYED}'),
        iterations=record['iteration'],
        seconds=record['seconds'],
        memory=record['memory'],
        parameters=record['parameters'],
        deployed_parameters=sum(p.numel()
                                for p in deployed_net(*files).parameters()),
        curve=[Point(**point) for point in record['curve']],
        device=record['device'])


def check_last(folder: str, record: dict) -> str:
    """Return the last checkpoint of a training; refuse one of before its end.

    Args:
        folder: The work dir of the training.
        record: The record of the training.

    Raises:
        UserError: There is none; an earlier one is another training's end.
    """
    path = checkpoint_of(folder)
    if path is None or not record:
        raise UserError(f'{folder!r} has no whole checkpoint after the '
                        'training: let its CheckpointHook save the last one')
    step = read_checkpoint(path).get('meta', {}).get('iter')
    if step is not None and step != record['iteration']:
        raise UserError(
            f'{path!r} is of iteration {step} and the training ended at '
            f"{record['iteration']}: let its CheckpointHook save the last one")
    return path


def _tested(config: str, checkpoint: str, work_dir: str) -> Dict[str, float]:
    """Return the metrics of a deployed net."""
    args = Namespace(
        config=config,
        cfg_options=None,
        trust_checkpoint=False,
        work_dir=work_dir,
        launcher='none',
        local_rank=0)
    cfg = prepare_config(args)
    check_testing(cfg, checkpoint)
    cfg.resume, cfg.load_from = False, checkpoint
    return numbers_of(launch_runner(cfg, args, KeepKernelsHook()).test())


@report_errors
def main() -> None:
    """Finish the run that the arguments name."""
    config, folder = sys.argv[1:]
    write_result(finish(config, folder), f'{folder}.{RESULT}')


if __name__ == '__main__':
    main()
