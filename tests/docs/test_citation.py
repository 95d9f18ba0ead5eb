"""CITATION.cff and CHANGELOG.md have the forms that tools expect."""
import re

import pytest
import yaml

import mmrep

from .pages import ROOT

PAPERS = {
    'Online Convolutional Re-parameterization': ('Hu', 2022),
    'DyRep': ('Huang', 2022),
    'Diverse Branch Block': ('Ding', 2021),
    'RepVGG': ('Ding', 2021),
}


@pytest.fixture(scope='module')
def citation():
    return yaml.safe_load((ROOT / 'CITATION.cff').read_text())


def test_required_keys(citation):
    """The Citation File Format 1.2.0 requires these."""
    assert citation['cff-version'] == '1.2.0'
    assert citation['title'] == mmrep.__name__
    assert citation['message'] and citation['authors'][0]['name']
    assert str(citation['version']) == mmrep.__version__
    assert citation['license'] == 'Apache-2.0'


def test_papers(citation):
    found = {
        paper['title'].partition(':')[0]:
        (paper['authors'][0]['family-names'], paper['year'])
        for paper in citation['references']
    }
    assert found == PAPERS
    for paper in citation['references']:
        assert paper['type'] == 'conference-paper'
        assert paper['conference']['name'] == f"CVPR {paper['year']}"
        assert all(author.keys() == {'family-names', 'given-names'}
                   for author in paper['authors'])


def test_changelog_has_the_version():
    text = (ROOT / 'CHANGELOG.md').read_text()
    versions = re.findall(r'^## \[(.+?)\]', text, re.MULTILINE)
    assert versions[:2] == ['Unreleased', mmrep.__version__]


def test_licence_is_whole():
    text = (ROOT / 'LICENSE').read_text()
    assert 'Version 2.0, January 2004' in text
    assert text.count('\n') == 202
    for section in range(1, 10):
        assert f'\n   {section}. ' in text
    assert text.rstrip().endswith('limitations under the License.')
