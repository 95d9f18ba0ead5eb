"""Check that a converted state dict has all that a net of its kind needs."""
import re
from functools import lru_cache
from typing import Iterator, Set, Tuple

from ..errors import UserError
from ..prefixes import under
from .mobilenet import BLOCKS
from .renaming import StateDict
from .resnet import norm_behind

# a name that matches the pattern needs the names beside it
NORM = (r'\1weight', r'\1bias', r'\1running_mean', r'\1running_var')
RULES = tuple((re.compile(pattern), needed) for pattern, needed in (
    (r'(.*(?:norm|bn\d?|downsample\.1)\.)(?!num_batches)', NORM),
    (r'(.*branches\.(?:1x1|1xk|kx1)\.)norm\.', (r'\1weight', )),
    (r'(.*branches\.(?:1x1_kxk|product)\.)', (r'\1first', r'\1second')),
    (r'(.*branches\.1x1_kxk\.)norm\.', (r'\1first_norm.weight', )),
    (r'(.*branches\.1x1_average\.)first', (r'\1first',
                                           r'\1first_norm.weight')),
    (r'(.*branches\.separable\.)', (r'\1depthwise', r'\1pointwise')),
    (r'(.*?)branches\.(?:average|prior|separable|product)\.', (r'\1scale', )),
    (r'(.*?)(?:branches|norm)\.', (r'\1weight', )),
    (r'(.*)branches\.', (r'\1weight', )),
    (r'(layer\d+\.\d+\.)(?:conv|bn)(\d)\.', (r'\1conv\2.weight',
                                             r'\1bn\2.weight')),
    (r'(layer\d+\.\d+\.downsample\.)[01]\.', (r'\g<1>0.weight',
                                              r'\g<1>1.weight')),
    (r'(?:conv|bn)1\.(?!conv\.|bn\.)|layer\d+\.\d+\.(?:conv|bn|down)',
     ('conv1.weight', 'bn1.weight', *(f'layer{i}.0.conv1.weight'
                                      for i in range(1, 5)))),
    (r'(conv1\.|layer\d+\.\d+\.(?:depth|point)wise\.)(?:conv|bn)\.',
     (r'\1conv.weight', r'\1bn.weight')),
    (r'conv1\.(?:conv|bn)\.|layer\d+\.\d+\.(?:depth|point)wise\.',
     ('conv1.conv.weight', *(f'layer{i}.{j}.{name}.conv.weight'
                             for i, j in BLOCKS
                             for name in ('depthwise', 'pointwise')))),
    (r'stem|stage_', ('stem.branch_reparam.weight',
                      *(f'stage_{i}.0.branch_reparam.weight'
                        for i in range(1, 5)))),
    (r'(.*branch_reparam\.)', (r'\1weight', )),
    (r'(.*se_layer\.conv)\d\.', (r'\g<1>1.conv.weight', r'\g<1>1.conv.bias',
                                 r'\g<1>2.conv.weight', r'\g<1>2.conv.bias')),
    (r'(head\.auxiliary\.\d+\.)', (r'\1conv.weight', r'\1bn.weight',
                                   r'\1fc.weight', r'\1fc.bias')),
    (r'head\.', ('head.fc.weight', 'head.fc.bias')),
))
DEPLOYED = re.compile(r'(.*branch_reparam\.)weight$')
INDEX = re.compile(r'((?:(?:layer|stage_)\d+|head\.auxiliary)\.|'
                   r'.*branches\.plain_stem\.kernels\.)(\d+)(?:\.|$)')
FC = re.compile(r'head\..*fc\.weight$')


def check_complete(state_dict: StateDict) -> None:
    """Refuse a converted state dict with holes.

    It is that of a backbone or of a classifier's head, by our names.

    Raises:
        UserError: A weight is missing, or one does not fit the others.
    """
    missing = sorted(
        name for name in set(_wanted(state_dict)) - _inside(state_dict)
        if not _is_there(name, state_dict))
    if missing:
        raise UserError(f'the checkpoint is damaged: {len(missing)} weights '
                        f'are missing, in our names such as {missing[:3]}')
    for name, tensor in state_dict.items():
        if not _fits(name, tensor.shape, state_dict):
            raise UserError(f'the checkpoint is damaged: {name!r}, in our '
                            f'names, has the shape {tuple(tensor.shape)}')


@lru_cache(maxsize=4096)
def _needed(name: str) -> Tuple[str, ...]:
    """Return the names that must be there beside this one, by the rules."""
    matches = ((pattern.match(name), needed) for pattern, needed in RULES)
    return tuple(
        match.expand(each) for match, needed in matches if match
        for each in needed)


def _wanted(state_dict: StateDict) -> Iterator[str]:
    for name in state_dict:
        yield from _needed(name)
        conv = DEPLOYED.match(name)
        if conv and f'{conv[1]}norm.weight' not in state_dict:
            yield f'{conv[1]}bias'
        block = INDEX.match(name)
        if block and int(block[2]):  # counted from 0 without a gap
            yield f'{block[1]}{int(block[2]) - 1}'


def _inside(state_dict: StateDict) -> Set[str]:
    """Return the norms behind that a net of blocks with norms inside may lack.

    The set is empty if one of these norms is there: either all such blocks
    have a norm behind, or none has.
    """
    end = 'norm.weight'
    behind = {
        f'{norm}weight'
        for name in state_dict if name.endswith(f'.{end}')
        if (norm := norm_behind(name[:-len(end)]))
    }
    return set() if behind & state_dict.keys() else behind


def _is_there(name: str, state_dict: StateDict) -> bool:
    """Return True if a weight, or a block in its place, is there."""
    places = [f'{name}.']
    if re.search(r'(^|\.)weight$', name):
        places.append(f"{name[:-len('weight')]}kxk.")
    return name in state_dict or any(
        other.startswith(tuple(places)) for other in state_dict)


def _fits(name: str, shape: tuple, state_dict: StateDict) -> bool:
    if name.endswith('scale'):
        prefix = f"{name[:-len('scale')]}branches."
        return len(shape) == 2 and shape[0] == 1 + len(
            _branches(prefix, state_dict))
    leaf = name.rpartition('.')[2]
    kernel = leaf in ('first', 'second', 'depthwise',
                      'pointwise') or (leaf == 'weight'
                                       and not RULES[0][0].match(name))
    if '.plain_stem.kernels.' in name:
        return len(shape) == 4
    if FC.match(name):
        return len(shape) == 2
    return len(shape) == 4 if kernel else True


def _branches(prefix: str, state_dict: StateDict) -> Set[str]:
    return {name.split('.')[0] for name in under(state_dict, prefix)}
