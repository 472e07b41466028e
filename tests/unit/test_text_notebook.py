"""Scripts with cells and Markdown are notebooks, if jupytext is there to read them."""

import json

import pytest

from flowkernel.client import text_notebook
from flowkernel.client.flow_source import read_source
from flowkernel.core.errors import BadArgument, NotANotebook

PERCENT = '# %% tags=["parameters"]\nday = "none"\n# %%\nprint("day is", day)\n'
LIGHT = '# + tags=["parameters"]\nday = "none"\n# -\n\nprint(day)\n'
HEADER = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Bash
#     language: bash
#     name: bash
# ---
# %%
print(1)
"""
MARKDOWN = """\
# A report

```python tags=["parameters"]
day = "none"
```

```python
print(day)
```
"""
RMARKDOWN = """\
```{python tags=["parameters"]}
day = "none"
```

```{python}
print(day)
```
"""


@pytest.fixture
def read(tmp_path):
    def read(text, name="a.py"):
        (tmp_path / name).write_text(text)
        return read_source(name, tmp_path)

    return read


def code_cells(source):
    cells = json.loads(source["source"])["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (PERCENT, "a.py"),
        (PERCENT.replace("# %% ", '# %% [a title] name="x" '), "a.py"),
        (LIGHT, "a.py"),
        (MARKDOWN, "a.md"),
        (RMARKDOWN, "a.Rmd"),
    ],
)
def test_a_text_with_parameters_is_a_notebook_with_parameters(text, name, read):
    source = read(text, name)

    assert source["kind"] == "NOTEBOOK"
    parameters, _ = code_cells(source)
    assert parameters["source"] == 'day = "none"'
    assert parameters["metadata"]["tags"] == ["parameters"]
    assert source["environment"]["kernel_name"] is None
    assert source == read(text, name)


def test_a_script_that_names_its_kernel_is_a_notebook_for_it(read):
    source = read(HEADER)

    assert source["kind"] == "NOTEBOOK"
    assert source["environment"]["kernel_name"] == "bash"


@pytest.mark.parametrize(
    "text",
    [
        "print(1)",
        "# %%\nprint(1)\n# %%\nprint(2)",  # For an editor: python runs it, too.
        PERCENT + "def handler(system, this):\n    pass\n",
        'text = """\n%% tags=["parameters"]\n"""',
    ],
)
def test_any_other_script_is_a_script(text, read):
    assert read(text)["kind"] == "SCRIPT"


@pytest.mark.parametrize(("text", "name"), [(PERCENT, "a.py"), (MARKDOWN, "a.md")])
def test_without_jupytext_a_sentence_says_what_to_install(
    text, name, read, monkeypatch
):
    monkeypatch.setattr(text_notebook, "find_spec", lambda _name: None)

    with pytest.raises(BadArgument, match=rf"'{name}' is a notebook as text.*pip"):
        read(text, name)
    assert read(HEADER)["kind"] == "SCRIPT"


def test_a_language_without_a_kernel_is_named(read):
    with pytest.raises(NotANotebook, match="no kernel for its language, julia"):
        read("# %%\nprintln(1)\n", "a.jl")


def test_what_jupytext_cannot_read_is_refused(read):
    with pytest.raises(NotANotebook, match="jupytext cannot read it"):
        read("---\njupyter: [\n---\n", "a.md")
