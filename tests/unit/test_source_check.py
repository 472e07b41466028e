"""What is said of a flow's source before it runs."""

import pytest

from flowkernel.client.source_check import check_source
from flowkernel.core.errors import FlowSyntaxError


def test_a_syntax_error_is_shown_with_the_line_of_the_cell():
    """The line of `%%flow` is the first."""
    with pytest.raises(FlowSyntaxError) as caught:
        check_source("x = 1\n\ndef f(:\n    pass\n", offset=1)

    assert str(caught.value).splitlines() == [
        "The cell is not valid Python in line 4: invalid syntax.",
        "    def f(:",
        "          ^",
    ]


def test_the_mark_is_right_in_an_indented_line():
    with pytest.raises(FlowSyntaxError) as caught:
        check_source("if True:\n        y = 1 +* 2\n")

    _said, line, marks = str(caught.value).splitlines()
    assert line[marks.index("^")] == "*"


@pytest.mark.parametrize(
    "source",
    ["return 3", "x = (", "'abc", "  x\n y", "a\0b", "def f():\n\tif 1:\n  x", "f(**)"],
)
def test_every_invalid_source_is_a_syntax_error(source):
    with pytest.raises(FlowSyntaxError, match="not valid Python"):
        check_source(source)


def test_an_undefined_name_is_reported_with_its_first_line():
    source = "import os\nprint(df)\ndef handler(system, this):\n    return df + other + os.name"

    report = check_source(source, offset=1)

    assert report.undefined == (("df", 3), ("other", 5))


@pytest.mark.parametrize(
    "source",
    [
        "this.set_output(x=inputs['x'])",
        "system.flows(); this.log(1)",
        "get_ipython().run_line_magic('pip', 'list')",
        "display(In, Out, _); exit; quit",
        "await something()\nasync def something(): ...",
        "print(__name__, len([]))",
        "from math import *\nprint(sqrt(4))",
        "def f():\n    return later\nlater = 1",
        "[x for x in range(3)]",
        "try:\n    json\nexcept NameError:\n    import json",
    ],
)
def test_names_of_a_flow_kernel_are_defined(source):
    assert check_source(source).undefined == ()


def test_names_of_the_setup_are_defined():
    report = check_source(
        "print(pd, np)", setup="import pandas as pd\n\nx = 1", offset=1
    )

    assert report.undefined == (("np", 2),)


def test_undefined_names_of_the_setup_are_not_reported():
    assert check_source("x = 1", setup="print(missing)").undefined == ()


def test_a_broken_setup_is_not_the_fault_of_this_cell():
    assert check_source("print(a)", setup="def (").undefined == (("a", 1),)


def test_warnings_of_the_compiler_are_not_shown():
    check_source("x = '\\d'\nassert (1, 'always')\n")
