"""A copy of an output notebook is whole, or is not there; what is there is left alone."""

import pytest

from flowkernel.magics.notebook_copy import _copied


@pytest.fixture
def source(tmp_path):
    source = tmp_path / "home" / "report.ipynb"
    source.parent.mkdir()
    source.write_text("{}")
    return source


def test_a_copy_has_all_of_it_and_a_second_one_says_since_when(source, tmp_path):
    target = tmp_path / "copy.ipynb"

    assert _copied(source, target) == ""
    target.write_text("changed by a person")

    assert "remove it for a new one" in _copied(source, target)
    assert target.read_text() == "changed by a person"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.ipynb", "home"]


def test_a_copy_that_cannot_be_made_leaves_no_part(source, tmp_path):
    source.unlink()

    with pytest.raises(FileNotFoundError):
        _copied(source, tmp_path / "copy.ipynb")

    assert [path.name for path in tmp_path.iterdir()] == ["home"]
