"""Train configs over several seeds and tell whether a block pays.

Each config is trained with each seed by tools/train.py, fused, and tested as
deployed. The table has the means and spreads of the metric, the difference to
the baseline with a 95 % interval, and the costs. Call it again with the same
arguments to go on: finished runs are kept, half-finished ones resumed.
"""
import argparse
import os.path as osp
import shlex
import sys

from rich.console import Console
from rich.markup import escape

from mmrep.answers.answer import answers, notes
from mmrep.answers.page import write_report
from mmrep.answers.statistics import PACKAGES, summaries
from mmrep.answers.tables import table_of
from mmrep.cli import UserError, check_folder, report_errors
from mmrep.cli.options import add_override_argument
from mmrep.comparing.comparing import Settings, compare
from mmrep.comparing.places import LAUNCHERS, Launch, Place, places_of
from mmrep.comparing.plan import seeds_of
from mmrep.export.onnx_session import need

TOOLS = osp.dirname(osp.abspath(__file__))
WIDTH = 120  # columns of a table in a file or a pipe


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', help='config files')
    parser.add_argument(
        '--seeds',
        default='5',
        help='number of seeds, or several with commas; default: 5')
    parser.add_argument(
        '--work-dir', required=True, help='folder of all runs, kept')
    parser.add_argument(
        '--baseline', help='config to compare with; default: the first')
    parser.add_argument(
        '--metric',
        help='metric that decides; default: `save_best` of the config, else '
        'the usual one of its host')
    parser.add_argument(
        '--lower-is-better',
        action='store_true',
        help='the metric is an error, not a score')
    parser.add_argument(
        '--report',
        metavar='DIR',
        help='folder to write the answer to: an HTML page, pictures, Markdown '
        'and JSON; default: the work dir')
    add_fairness(parser)
    add_places(parser)
    return parser.parse_args(argv)


def add_fairness(parser):
    """Add the flags on what is compared."""
    parser.add_argument(
        '--allow-differences',
        action='store_true',
        help='compare configs that differ in data, schedule or losses, too')
    parser.add_argument(
        '--equal-time',
        action='store_true',
        help='also train the baseline for as long as each slower net takes')
    add_override_argument(parser)


def add_places(parser):
    """Add the flags on where runs take place."""
    parser.add_argument(
        '--devices',
        help='GPUs to run at, such as 0,1,2,3, one run at a time on each, or '
        'cpu,cpu for two runs that share the cores; default: the first GPU, '
        'else the CPU')
    parser.add_argument(
        '--launcher',
        choices=LAUNCHERS,
        default='none',
        help='launcher of each training; default: none')
    parser.add_argument(
        '--processes',
        type=int,
        default=1,
        help='processes (GPUs) of each training, by the launcher; default: 1')
    parser.add_argument('--partition', help='partition of slurm')
    parser.add_argument(
        '--jobs',
        type=int,
        help='with slurm, most runs at a time; default: all')
    for flag in ('--amp', '--auto-scale-lr'):
        parser.add_argument(
            flag, action='store_true', help=f'see tools/train.py {flag}')


def places(args):
    """Return where runs take place; slurm finds its places itself."""
    if args.launcher == 'slurm':
        return [Place(())] * (args.jobs or 0)
    return places_of(args.devices, args.processes)


def settings_of(args, argv):
    """Return the settings of the comparison that the arguments ask for."""
    for name in ('processes', 'jobs'):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UserError(f'--{name} (={value}) must be at least 1')
    launch = Launch(TOOLS, args.launcher, args.processes, args.partition or '')
    launch.check()
    own = ('work_dir', 'baseline', 'metric', 'lower_is_better',
           'allow_differences', 'equal_time', 'cfg_options', 'amp',
           'auto_scale_lr')
    return Settings(
        configs=args.configs,
        seeds=seeds_of(args.seeds),
        launch=launch,
        places=places(args),
        command=shlex.join(['python', 'tools/compare.py', *argv]),
        **{name: getattr(args, name)
           for name in own})


def show(comparison):
    """Print the table, what it means, and what has to be known."""
    sys.stdout.reconfigure(errors='replace')  # of a terminal without UTF-8
    found = summaries(comparison)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(table_of(comparison, found))
    for line in [*answers(found), *notes(comparison, found)]:
        console.print(escape(line), highlight=False, soft_wrap=True)


@report_errors
def main(argv=None):
    """Run what is missing and write the answer."""
    argv = sys.argv[1:] if argv is None else argv
    args = parse_args(argv)
    need(PACKAGES)
    for name in ('work_dir', 'report'):
        if getattr(args, name) is not None:
            check_folder(getattr(args, name), f"--{name.replace('_', '-')}")
    comparison = compare(settings_of(args, argv), Console(stderr=True))
    folder = args.report or args.work_dir
    write_report(comparison, folder)
    show(comparison)
    print(f"the page: {osp.join(folder, 'index.html')}")
    if comparison.failures:
        raise UserError(f'{len(comparison.failures)} runs failed: call this '
                        'again to try them once more')


if __name__ == '__main__':
    main()
