"""Names follow one rule, and no net of the methods is missing."""
import ast
import re
from itertools import product
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / 'configs'
CONFIGS = sorted(FOLDER.glob('*.py'))
METHODS = ('plain', 'dbb', 'orepa', 'dyrep', 'repvgg')
HEADS = dict(
    coco=('faster_rcnn', 'retinanet'),
    cityscapes=('fpn', 'pspnet', 'deeplabv3plus'))
REPVGGS = ('a0', 'a1', 'a2', 'b0', 'b1', 'b1g2', 'b1g4', 'b2', 'b2g2', 'b2g4',
           'b3', 'b3g2', 'b3g4')
NAME = re.compile(
    r'(?:(?P<head>faster_rcnn|retinanet|fpn|pspnet|deeplabv3plus)_)?'
    r'(?P<method>plain|dbb|orepa|dyrep|repvgg|qarepvgg|orepavgg|repvggplus)_'
    r'(?P<arch>r(18|34|50|101)|(repvgg_)?[ab][0-3](g[24])?(_fast)?|l2pse|'
    r'vgg16|mobilenet|alexnet)_'
    r'(?P<dataset>coco|cityscapes|imagenet|cifar100?|shapes)(_cd?|_own)?')

each_config = pytest.mark.parametrize(
    'path', CONFIGS, ids=lambda path: path.stem)


def the_table():
    """Return every combination that must exist."""
    for dataset, heads in HEADS.items():
        nets = [*product(METHODS, ('r18', 'r50')), ('orepa', 'r101')]
        for head, (method, arch) in product(heads, nets):
            yield f'{head}_{method}_{arch}_{dataset}'
        for head, end in product(heads, ('c', 'cd')):
            yield f'{head}_dyrep_r50_{dataset}_{end}'
    for method, depth in product(METHODS[:4], (18, 34, 50, 101)):
        yield f'{method}_r{depth}_imagenet'
    for arch in REPVGGS:
        yield f'repvgg_{arch}_imagenet'
    yield 'repvggplus_l2pse_imagenet'
    for arch in REPVGGS[:3]:
        yield f'orepavgg_{arch}_imagenet'
    for method, arch in product(('plain', 'dbb'), ('mobilenet', 'alexnet')):
        yield f'{method}_{arch}_imagenet'
    for method, arch in product(('plain', 'dbb'), ('r18', 'r50')):
        yield f'{method}_{arch}_imagenet_own'
    yield from ('faster_rcnn_dbb_r50_coco_c', 'pspnet_dbb_r50_cityscapes_c')
    for method, classes in product(('plain', 'dbb', 'dyrep'), (10, 100)):
        yield f'{method}_vgg16_cifar{classes}'
    for arch in ('mobilenet', 'repvgg_a2', 'repvgg_b2g4', 'repvgg_b3'):
        yield f'dyrep_{arch}_imagenet'
    for arch in ('b1g2', 'b1g2_fast', 'b2', 'b2_fast'):
        yield f'pspnet_repvgg_{arch}_cityscapes'


def test_table_is_whole():
    missing = set(the_table()) - {path.stem for path in CONFIGS}
    assert not missing


@each_config
def test_name(path):
    """[<head>_]<method>_<arch>_<dataset>[_c|_cd|_own].py.

    Classifiers name no head. ``_c`` has a backbone that was trained on
    ImageNet in the method's form and keeps this form, ``_cd`` evolves it
    further, ``_own`` has the recipe of the method's own paper.
    """
    match = NAME.fullmatch(path.stem)
    assert match
    is_classifier = match['dataset'].startswith(('imagenet', 'cifar'))
    assert is_classifier == (match['head'] is None)


@pytest.mark.parametrize('name', sorted(the_table()))
def test_only_the_backbone_differs(name):
    """Nets to compare are trained alike, except for OREPA's stem."""
    head, method, arch, dataset = NAME.fullmatch(name).group(
        'head', 'method', 'arch', 'dataset')
    is_table = re.fullmatch(r'r\d+', arch) and name.endswith(dataset)
    if head is None or method == 'plain' or not is_table:
        return
    tree = ast.parse((FOLDER / f'{name}.py').read_text())
    values = {
        line.targets[0].id: ast.unparse(line.value)
        for line in tree.body
    }
    assert values.pop('_base_') == f"'./{head}_plain_{arch}_{dataset}.py'"
    assert 'mmrep' in values.pop('custom_imports')
    if method == 'orepa':
        assert "'backbone.conv1': dict(lr_mult=0.1)" in values.pop(
            'optim_wrapper')
    if method == 'dyrep':
        assert values == dict(custom_hooks="[dict(type='DyRepHook')]")
    else:
        assert re.fullmatch(r"dict\(backbone=dict\(type='\w+ResNet'\)\)",
                            values.pop('model'))
        assert not values
