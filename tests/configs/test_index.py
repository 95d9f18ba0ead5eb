"""The table of configs/README.md and mim's metafile list all configs."""
from pathlib import Path
from runpy import run_path

import pytest
import yaml
from modelindex.load_model_index import load

ROOT = Path(__file__).parents[2]
SCRIPT = run_path(str(ROOT / '.dev_scripts' / 'index_configs.py'))
CONFIGS = sorted((ROOT / 'configs').glob('*.py'))


def test_files_are_up_to_date():
    """If this fails, run .dev_scripts/index_configs.py."""
    for path, text in SCRIPT['contents']().items():
        assert path.read_text() == text


def test_readme_lists_every_config():
    text = (ROOT / 'configs' / 'README.md').read_text()
    for path in CONFIGS:
        assert f'| [{path.stem}]({path.name}) |' in text


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_comment(path):
    """It names the net and a paper's row or none, and claims nothing."""
    entry = SCRIPT['read'](path)
    assert entry['what'].endswith('.') and '#' not in entry['what']
    comment = path.read_text().split('_base_ =')[0].replace('\n# ', ' ')
    if entry['dataset'] == 'shapes':
        assert "No paper's setting." in comment
    else:
        assert 'Not trained here.' in comment
        assert entry['papers'] or 'Paper: no row; compare' in comment


def test_a_row_is_read(tmp_path):
    path = tmp_path / 'fpn_dbb_r50_coco.py'
    path.write_text('# A net\n# of ours. Not trained here.\n#\n'
                    '# Paper: A, table 1,\n# B: 1.5 AP.\n# Paper: C: 2 %.\n'
                    '#\n# More: this.\n_base_ = []\n')
    assert SCRIPT['read'](path) == dict(
        name='fpn_dbb_r50_coco',
        method='dbb',
        dataset='coco',
        what='A net of ours.',
        papers=[('A, table 1, B', '1.5 AP'), ('C', '2 %')])


def test_a_config_without_comment_is_refused(tmp_path):
    path = tmp_path / 'fpn_dbb_r50_coco.py'
    path.write_text('_base_ = []\n')
    with pytest.raises(ValueError, match='does not begin with a comment'):
        SCRIPT['read'](path)


def test_model_index():
    """Files that mim reads exist, and all collections are used."""
    index = load(str(ROOT / 'model-index.yml'))
    index.build_models_with_collections()
    assert len(index.models) == len(CONFIGS)
    for model in index.models:
        assert (ROOT / model.config).is_file()
        assert model.in_collection in {c.name for c in index.collections}
    data = yaml.safe_load((ROOT / 'configs' / 'metafile.yml').read_text())
    used = {model['In Collection'] for model in data['Models']}
    assert used == {c['Name'] for c in data['Collections']}
