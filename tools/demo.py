"""Show mmrep's main job in minutes, on two CPU cores: `make demo`.

The script makes the shapes data. Then it trains, evaluates, fuses to a plain
ResNet and evaluates again three nets: a segmentor and a detector with an OREPA
backbone, and a segmentor whose plain backbone evolves (DyRep). Every step is a
command of this repository, shown before it runs. At the end the detector
becomes an ONNX file, which finds boxes in an image without OpenMMLab.
"""
import argparse
import copy
import json
import os
import os.path as osp
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from rich.console import Console
from rich.table import Table

from mmrep.boxes.predicted import Boxes, boxes_in
from mmrep.checkpoints.weights import read_weights
from mmrep.cli import check_folder, report_errors
from mmrep.deploy import example_input, worst_difference
from mmrep.hosts import build_model, load_config
from mmrep.inference.runtimes import open_runtime
from mmrep.measure.timing import alternate
from mmrep.pictures.boxes import Found, draw_boxes
from mmrep.pictures.predictions import SCORE, draw_predictions, predict
from mmrep.structures.matching import load_in_eval

ROOT = Path(__file__).resolve().parents[1]
DATA = 'data/shapes'
WORK_DIR = Path('work_dirs/demo')
LOG = WORK_DIR / 'demo.log'
# words in the lines of the log that are shown
SHOWN = ('Iter(', 'DyRep grew', 'DyRep cut', 'fused ', 'wrote ', 'images in',
         'error:')
TASKS = (('pspnet_orepa_r18_shapes', 'mIoU',
          100), ('faster_rcnn_orepa_r18_shapes', 'coco/bbox_mAP', 1),
         ('pspnet_dyrep_r18_shapes', 'mIoU', 100))
ROUNDS = 7  # number of timed training steps of both forms, in turn
IMAGES = 6  # number in each picture
console = Console(width=120)


def run(*command):
    """Run one of the tools as a user would, and show its progress."""
    command = [str(word) for word in command]
    console.print(f'\n[bold]$ python {" ".join(command)}[/]', soft_wrap=True)
    environment = dict(
        os.environ, PYTHONWARNINGS='ignore', PYTHONUNBUFFERED='1')
    with subprocess.Popen([sys.executable, *command],
                          env=environment,
                          text=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        with LOG.open('a') as log:
            for line in process.stdout:
                log.write(line)
                if any(word in line for word in SHOWN):
                    console.print(line.strip(), highlight=False)
    if process.returncode:
        sys.exit(f'error: `{" ".join(command)}` failed, see {LOG}')


def evaluate(config, checkpoint, metric):
    """Run tools/test.py and read the metric it writes."""
    work_dir = WORK_DIR / 'test' / Path(checkpoint).stem
    run('tools/test.py', config, checkpoint, '--work-dir', work_dir)
    report = max(work_dir.glob('*/*.json'), key=osp.getmtime)
    return json.loads(report.read_text())[metric]


def train_and_fuse(name, metric):
    """Run one task; return config, checkpoint and score of both forms."""
    config, work_dir = f'configs/{name}.py', WORK_DIR / name
    run('tools/train.py', config, '--work-dir', work_dir)
    checkpoint = (work_dir / 'last_checkpoint').read_text().strip()
    fused = work_dir / f'{name}_fused.pth'
    before = evaluate(config, checkpoint, metric)
    run('tools/fuse.py', config, checkpoint, fused)
    after = evaluate(fused.with_suffix('.py'), fused, metric)
    return (config, checkpoint, before), (fused.with_suffix('.py'), fused,
                                          after)


def draw_evolution(name, checkpoint):
    """Draw the branches that grew and were cut; return the picture's path."""
    picture = str(WORK_DIR / f'{name}_structure.png')
    run('tools/visualize_structure.py', checkpoint, picture)
    return picture


def boxes_of_file(name, config, checkpoint):
    """Export a detector, run the file on an image and draw its boxes."""
    out = WORK_DIR / name / f'{name}.onnx'
    run('tools/export_onnx.py', config, checkpoint, out,
        '--with-preprocessing')
    cfg, model = load(config, checkpoint)
    (image, ), (sample, ), metainfo = predict(model, cfg, 1)
    instances = sample.pred_instances
    expected = Boxes(instances.bboxes, instances.scores, instances.labels)
    pixels = np.ascontiguousarray(image[None, ..., ::-1])  # BGR
    outputs = open_runtime(str(out), 'onnxruntime').run(pixels)
    found, = boxes_in(list(map(torch.from_numpy, outputs)))
    picture = WORK_DIR / f'{name}_onnx.png'
    draw_boxes(image, {
        'torch': shown(expected),
        'ONNX Runtime': shown(found)
    }, metainfo, f'{name}: boxes with a score above {SCORE}', picture)
    return str(picture)


def shown(boxes):
    """Return the boxes with high scores, as arrays."""
    return Found(*(values.numpy()
                   for values in boxes.at(boxes.scores > SCORE)))


def load(config, checkpoint):
    """Return a config and its model with the weights of a checkpoint."""
    cfg = load_config(str(config))
    weights = read_weights(str(checkpoint)).state_dict
    return cfg, load_in_eval(build_model(cfg), weights)


def step_times(cfg, *models):
    """Return the median seconds of a training step of each model."""
    loader = dict(
        cfg.train_dataloader, num_workers=0, persistent_workers=False)
    batch = next(iter(Runner.build_dataloader(loader)))

    def step(model):
        optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
        return lambda: model.train_step(copy.deepcopy(batch), optim_wrapper)

    return alternate([step(m.train()) for m in copy.deepcopy(models)], ROUNDS)


def compare(name, trained, fused):
    """Return rows of the table, the difference and a picture of a task."""
    cfg, rich = load(*trained[:2])
    plain_cfg, plain = load(*fused[:2])
    difference = worst_difference(rich, plain, example_input())
    rows = []
    seconds = step_times(cfg, rich, plain)
    for form, model, score, step in zip(('training form', 'fused'),
                                        (rich, plain), (trained[2], fused[2]),
                                        seconds):
        parameters = sum(p.numel() for p in model.parameters())
        rows.append((form, score, parameters, step))
    picture = WORK_DIR / f'{name}.png'
    draw_predictions(*predict(plain, plain_cfg, IMAGES),
                     f'{name}, fused: the first validation images', picture)
    return rows, difference, picture


def add_rows(table, name, metric, scale, rows, difference):
    """Add both forms of a net to the table."""
    for form, score, parameters, step in rows:
        last = form == 'fused'
        table.add_row(
            '' if last else name,
            form,
            f'{metric} {score / scale:.4f}',
            f'{parameters / 1e6:.2f} M',
            f'{step:.2f} s',
            f'{difference:.1e}' if last else '',
            end_section=last)


@report_errors
def main():
    """Run all tasks, then print a table and the paths of the pictures."""
    argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    os.chdir(ROOT)
    check_folder(str(WORK_DIR), 'the folder of the results')
    WORK_DIR.mkdir(parents=True, exist_ok=True)
    LOG.write_text('')
    start = time.perf_counter()
    if not osp.isdir(DATA):
        run('tools/make_shapes.py', DATA)
    table = Table(title='before and after fusing (validation set)')
    for column in ('net', 'form', 'score', 'parameters', 'training step',
                   'worst difference'):
        table.add_column(column, no_wrap=True)
    pictures = []
    for name, metric, scale in TASKS:
        trained, fused = train_and_fuse(name, metric)
        with console.status(f'comparing both forms of {name}'):
            rows, difference, picture = compare(name, trained, fused)
        add_rows(table, name, metric.split('/')[-1], scale, rows, difference)
        pictures.append(str(picture))
        if 'dyrep' in name:
            pictures.append(draw_evolution(name, trained[1]))
        if 'rcnn' in name:
            detector = name, *fused[:2]
    pictures.append(boxes_of_file(*detector))
    console.print()
    console.print(table)
    console.print(f'pictures: {", ".join(pictures)}')
    console.print(f'took {time.perf_counter() - start:.0f} s')


if __name__ == '__main__':
    main()
