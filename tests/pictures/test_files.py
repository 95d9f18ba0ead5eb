"""Pictures have the formats that their names say."""
import pytest
from matplotlib.figure import Figure

from mmrep.errors import UserError
from mmrep.pictures.files import as_svg, check_picture, writer


def figure():
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([1, 2], [3, 5])
    return figure


@pytest.mark.parametrize('name, start', [('a.PNG', b'\x89PNG'),
                                         ('a.svg', b'<?xml')])
def test_equal_pictures_are_equal_files(name, start, tmp_path):
    """The name sets the format, not the file that is written first."""
    contents = []
    for file in ('b', 'c.part'):
        writer(figure(), name)(str(tmp_path / file))
        contents.append((tmp_path / file).read_bytes())
    assert contents[0].startswith(start)
    assert contents[0] == contents[1]


def test_svg_as_text(tmp_path):
    writer(figure(), 'a.svg')(str(tmp_path / 'a'))
    assert as_svg(figure()) == (tmp_path / 'a').read_text('utf-8')


def test_kind():
    check_picture('x.SVG', 'OUT')
    with pytest.raises(UserError) as error:
        check_picture('x.jpg', '--picture')
    assert str(error.value) == ("--picture (='x.jpg') must end in .png or "
                                '.svg')
