"""Rows for people."""

from flowkernel.display.table import Table


def test_numbers_are_right_aligned_and_none_is_empty():
    table = Table(("name", "n"), (("a", 1), ("bcd", None), ("e", 100)))

    assert table.text().splitlines() == [
        "name    n",
        "----  ---",
        "a       1",
        "bcd",
        "e     100",
    ]


def test_html_is_escaped():
    html = Table(("<b>",), (("<script>",),))._repr_html_()

    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "<b>" not in html


def test_a_cut_result_has_a_note():
    table = Table(("n",), ((1,), (2,)), is_cut=True)

    assert "cut at 2 rows" in table.text()
    assert "cut at 2 rows" in table._repr_html_()


def test_a_long_table_keeps_the_rows_it_does_not_show():
    table = Table(("n",), tuple((n,) for n in range(1000)))

    assert "(50 of 1,000 rows shown)" in repr(table)
    assert len(list(table)) == 1000


def test_a_value_of_several_lines_is_shown_in_one():
    assert len(Table(("x",), (("a\nb",),)).text().splitlines()) == 3


def test_in_html_texts_begin_at_the_left_and_numbers_do_not():
    html = Table(("name", "count"), (("a", 1), (None, 2)))._repr_html_()

    text = 'style="text-align:left"'
    assert f'<th scope="col" {text}><span role="button"' in html
    assert f"<td {text}>a</td><td>1</td>" in html
    assert f"<td {text}></td><td>2</td>" in html


def test_rows_by_name():
    assert Table(("a", "b"), ((1, 2),)).to_dicts() == [{"a": 1, "b": 2}]


def test_a_list_without_rows_says_what_to_do():
    table = Table(("name",), (), empty="There is <b>nothing</b> yet.")

    assert table.text() == repr(table) == "There is <b>nothing</b> yet."
    assert "There is &lt;b&gt;nothing" in table._repr_html_()
    assert Table(("name",), ()).text().splitlines() == ["name", "----"]


def test_columns_are_left_out_until_a_table_fits():
    table = Table(("id", "name", "note"), (("1", "x" * 50, "y" * 50),), is_cut=True)

    assert table.fitted(200, ("note", "name")) == table
    assert table.narrowest == 2 + 2 + 20 + 2 + 20
    assert table.fitted(45, ("note", "name")).columns == ("id", "name")
    assert table.fitted(5, ("note", "name")).columns == ("id",)
    assert table.without("name").rows == (("1", "y" * 50),)
    assert table.without("name").is_cut
