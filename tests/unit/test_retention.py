"""Which families are deleted together, and which files may be removed."""

import pytest

from flowkernel.engine.retention import chunks, remove


def test_families_are_deleted_whole_and_few_at_a_time():
    families = [("a", 4), ("b", 6), ("c", 1), ("d", 25), ("e", 3)]

    assert list(chunks(families, size=10)) == [["a", "b"], ["c"], ["d"], ["e"]]


@pytest.mark.parametrize(
    "path",
    [
        "{home}/config.toml",
        "notebooks/../config.toml",
        "../other",
        "notebooks",
        "notebooks/link",
    ],
)
def test_nothing_but_output_notebooks_is_removed(tmp_path, path):
    (tmp_path / "notebooks" / "2026-01").mkdir(parents=True)
    (tmp_path / "config.toml").write_text("slots = 1")
    (tmp_path / "notebooks" / "link").symlink_to(tmp_path / "config.toml")

    assert remove(tmp_path, path.replace("{home}", str(tmp_path))) is None

    assert (tmp_path / "config.toml").exists()


def test_an_output_notebook_is_removed_once(tmp_path):
    (tmp_path / "notebooks" / "2026-01").mkdir(parents=True)
    (tmp_path / "notebooks" / "2026-01" / "a.ipynb").write_text("12345")

    assert remove(tmp_path, "notebooks/2026-01/a.ipynb") == 5
    assert remove(tmp_path, "notebooks/2026-01/a.ipynb") is None
