"""Show an evolution in the log and the visualizer of a Runner."""
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from ..dyrep import Evolution, report
from ..runner.training import inner_model


def show_event(runner: Runner, record: dict) -> None:
    """Log an event and give its numbers to all visualizer backends.

    Args:
        runner: The Runner, which trains.
        record: The record of the event.
    """
    report.event(record)
    runner.visualizer.add_scalars(report.scalars(record), step=record['step'])


def show_structure(runner: Runner, evolution: Evolution) -> None:
    """Give the visualizer a picture of all blocks, in the first process.

    Args:
        runner: The Runner, which trains.
        evolution: The evolution of its model, with at least one event.
    """
    if not is_main_process():
        return
    from ..pictures.image import structure_image  # matplotlib is slow
    image = structure_image(
        inner_model(runner).state_dict(), evolution.history)
    # a name with a slash would be a folder, which LocalVisBackend lacks
    runner.visualizer.add_image('dyrep_structure', image, runner.iter + 1)
