"""Write the table of configs/README.md and mim's metafile from the configs.

A config begins with a comment. Its first sentence says what is trained. Its
paragraphs ``Paper: ROW: NUMBER.`` name the rows of papers that it reproduces.
"""
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
MARK = '<!-- below: written by .dev_scripts/index_configs.py -->\n'
DATASETS = dict(
    coco=('Object Detection', 'COCO'),
    cityscapes=('Semantic Segmentation', 'Cityscapes'),
    imagenet=('Image Classification', 'ImageNet-1k'),
    cifar10=('Image Classification', 'CIFAR-10'),
    cifar100=('Image Classification', 'CIFAR-100'),
    shapes=('Small nets for a CPU', 'shapes'))
PAPERS = dict(
    plain=('ResNet', 'Deep Residual Learning for Image Recognition',
           '1512.03385'),
    dbb=('DBB', 'Diverse Branch Block: Building a Convolution as an '
         'Inception-like Unit', '2103.13425'),
    orepa=('OREPA', 'Online Convolutional Re-parameterization', '2204.00826'),
    dyrep=('DyRep', 'DyRep: Bootstrapping Training with Dynamic '
           'Re-parameterization', '2203.12868'),
    repvgg=('RepVGG', 'RepVGG: Making VGG-style ConvNets Great Again',
            '2101.03697'),
    qarepvgg=('QARepVGG', 'Make RepVGG Greater Again: A Quantization-aware '
              'Approach', '2212.01593'))
PAPERS['orepavgg'] = PAPERS['orepa']
PAPERS['repvggplus'] = PAPERS['repvgg']
METHOD = re.compile('(?:^|_)(' + '|'.join(PAPERS) + ')_')


def read(path):
    """Read the comment of a config.

    Returns:
        A dict of its name, method and dataset, ``what`` it trains and its
        ``papers``, pairs of row and number.

    Raises:
        ValueError: The config does not begin with a comment.
    """
    text = path.read_text()
    comment = re.match('(#.*\n)+', text)
    if not comment:
        raise ValueError(f'{path.name} does not begin with a comment')
    lines = re.sub('^# ?', '', comment[0], flags=re.M)
    what, *paragraphs = re.split(r'\n\n|\n(?=Paper: )', lines.strip())
    told = (' '.join(p.split()) for p in paragraphs if p.startswith('Paper: '))
    papers = [re.fullmatch(r'Paper: (.+): (.+)\.', p) for p in told]
    return dict(
        name=path.stem,
        method=METHOD.search(path.stem)[1],
        dataset=re.sub('_(cd?|own)$', '', path.stem).rsplit('_')[-1],
        what=' '.join(what.split()).replace(' Not trained here.', ''),
        papers=[match.groups() for match in papers if match])


def table(entries):
    """Yield the lines of a Markdown table."""
    yield '| config | what it trains | row | the paper reports |'
    yield '|---|---|---|---|'
    for e in entries:
        rows = '<br>'.join(row for row, _ in e['papers'])
        numbers = '<br>'.join(number for _, number in e['papers'])
        what = re.sub(r' \([^()]*CVPR \d+\)', '', e['what'])
        yield (f"| [{e['name']}]({e['name']}.py) | {what} | {rows} | "
               f'{numbers} |')


def readme(entries, text):
    """Return the text with new tables behind the mark."""
    lines = []
    for dataset, (task, name) in DATASETS.items():
        chosen = [e for e in entries if e['dataset'] == dataset]
        lines += [f'\n## {task}: {name}\n', *table(chosen)]
    return text.split(MARK)[0] + MARK + '\n'.join(lines) + '\n'


def metafile(entries):
    """Return collections and models in the form of mim and model-index."""
    collections = {}
    for name, title, number in PAPERS.values():
        paper = dict(Title=title, URL=f'https://arxiv.org/abs/{number}')
        collections[name] = dict(
            Name=name, Paper=paper, README='configs/README.md')
    return dict(
        Collections=list(collections.values()),
        Models=[model_of(entry) for entry in entries])


def model_of(entry):
    """Return a model without results: the numbers are those of papers."""
    name = entry['name']
    metadata = {'Training Data': DATASETS[entry['dataset']][1]}
    if entry['papers']:
        metadata['Papers report'] = [': '.join(row) for row in entry['papers']]
    return {
        'Name': name,
        'In Collection': PAPERS[entry['method']][0],
        'Config': f'configs/{name}.py',
        'Metadata': metadata,
        'Results': []
    }


def contents(folder=ROOT / 'configs'):
    """Return the text of each file that this script writes, by its path."""
    entries = [read(path) for path in sorted(folder.glob('*.py'))]
    page = folder / 'README.md'
    return {
        page: readme(entries, page.read_text()),
        folder / 'metafile.yml':
        yaml.safe_dump(metafile(entries), sort_keys=False)
    }


if __name__ == '__main__':
    for path, text in contents().items():
        path.write_text(text)
