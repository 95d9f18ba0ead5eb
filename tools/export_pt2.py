"""Export a fused detector, segmentor or classifier by torch.export.

CONFIG and CHECKPOINT are the files that tools/fuse.py wrote, or those of the
training form, which is fused first. OUT is written only if the program, loaded
again, computes the same as torch on random inputs, also at other sizes if the
program allows them. The input is a batch of preprocessed images. To load OUT
takes torch alone.
"""
import argparse
import sys
from pathlib import Path

from mmengine.logging import print_log

from mmrep.atomic import check_destination, write_together
from mmrep.cli import UserError, add_checkpoint_arguments, report_errors
from mmrep.cli.numbers import check_at_least_one
from mmrep.cli.working import working
from mmrep.export.nets import exportable, load_nets
from mmrep.export.program import export, need_export
from mmrep.export.program_parts import (PARTS, ProgramPart, default_part,
                                        reference_of)
from mmrep.fusing.examples import image_channels


def parse_args(argv=None):
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config, fused or of the training form')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument('out', help='file to write, *.pt2')
    parser.add_argument(
        '--part',
        choices=PARTS,
        help='part to export; default: whole for segmentors and classifiers, '
        'candidates, which are boxes before suppression, for detectors')
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        default=(224, 224),
        metavar=('H', 'W'),
        help='height and width of the images in pixels, which are those of '
        'all inputs if the program has fixed sizes; default: 224 224')
    parser.add_argument(
        '--training-config',
        help='config of the training form of a fused net, to compare with it')
    add_checkpoint_arguments(parser)
    return parser.parse_args(argv)


def check(args):
    """Refuse arguments that cannot be exported or written."""
    need_export()
    check_at_least_one(size=min(args.size))
    if not args.out.endswith('.pt2'):
        raise UserError(f'OUT (={args.out!r}) must end in .pt2')
    inputs = (args.config, args.checkpoint, args.training_config
              or args.config)
    check_destination(args.out, inputs, 'OUT', 'exported')


def report(out, part, program):
    """Log the file that was written, and how it was checked."""
    shapes = ', '.join(map(str, program.shapes))
    print_log(
        f'wrote {out}: {part}, {len(program.data) / 2**20:.1f} MiB; the '
        f'program and torch differ by at most {program.worst:.1e} relative '
        f'on inputs of {shapes}; axes of any size: {program.free}', 'current')


@report_errors
def main(argv=None):
    """Load, fuse, export, compare and write a net, then log the result."""
    args = parse_args(argv)
    check(args)
    with working('reading the checkpoint') as status:
        nets = load_nets(args.config, args.checkpoint, args.training_config,
                         args.ema, args.trust_checkpoint)
        part = args.part or default_part(nets.plain)
        shape = (2, image_channels(nets.plain), *args.size)
        exported = exportable(nets, part, ProgramPart)
        status.update('exporting and comparing with torch')
        program = export(exported, reference_of(nets, part), shape)
    write_together(
        {args.out: lambda path: Path(path).write_bytes(program.data)})
    report(args.out, part, program)


if __name__ == '__main__':
    main(sys.argv[1:])
