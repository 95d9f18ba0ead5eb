"""Official RepVGGplus names (DingXiaoH/RepVGG), the third stage in halves."""
import re
from typing import Dict

from ..errors import UserError
from . import repvgg
from .renaming import StateDict

KIND = 'an official RepVGGplus'
MARK = re.compile(r'(^|\.)stage\d(_first|_second)?\.blocks\.\d+\.rbr_')
BLOCK = re.compile(r'(stage\d)(_first|_second|)\.blocks\.(\d+)\.')


def convert(state_dict: StateDict) -> StateDict:
    """Join the halves of each stage, then rename as for a RepVGG."""
    behind = _blocks_of_first_halves(state_dict)

    def as_repvgg(match: re.Match) -> str:
        stage, half, block = match.groups()
        before = behind[stage] if half == '_second' else 0
        return f'{stage}.{before + int(block)}.'

    return repvgg.convert({
        BLOCK.sub(as_repvgg, name): tensor
        for name, tensor in state_dict.items()
    })


def _blocks_of_first_halves(state_dict: StateDict) -> Dict[str, int]:
    """Return the number of blocks in a stage's first half, by the stage.

    Raises:
        UserError: The second half is neither as long as the first nor longer
            by one block.
    """
    counts: Dict[str, dict] = {}
    for name in state_dict:
        match = BLOCK.match(name)
        if match and match[2]:
            halves = counts.setdefault(match[1], dict(_first=0, _second=0))
            halves[match[2]] = max(halves[match[2]], int(match[3]) + 1)
    for stage, halves in counts.items():
        if halves['_second'] - halves['_first'] not in (0, 1):
            raise UserError(f'the checkpoint is damaged: {stage!r} has '
                            f"{halves['_first']} blocks in its first half and "
                            f"{halves['_second']} in its second")
    return {stage: halves['_first'] for stage, halves in counts.items()}
