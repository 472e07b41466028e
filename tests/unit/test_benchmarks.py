"""What the benchmarks compute from their numbers; nothing is measured here."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import harness
from benchmarks.callers import is_complete, requests
from benchmarks.chart import Bar, chart
from benchmarks.figures import FIGURES
from benchmarks.harness import Bench, Claim, Figure, Reading
from benchmarks.live_events import latencies, share, step_of
from benchmarks.million import make_home
from flowkernel.home import EngineFile, Home
from flowkernel.store import Store

VALUES = {"peer": [8.0, 10.0, 90.0], "us": [1.0, 2.0, 3.0]}


def claim(reading=Reading.TIMES_LESS, at_least=4.0, aim=6.0):
    peer = None if reading is Reading.ALONE else "peer"
    return Claim(us="us", peer=peer, reading=reading, at_least=at_least, aim=aim)


def figure(*claims, sides=None, **fields):
    values = {"name": "warm", "title": "T", "unit": "s", "claims": claims, **fields}
    return Figure(sides=sides or (lambda *_: {}), **values)


def bench(tmp_path):
    return Bench(
        folder=tmp_path,
        is_quick=True,
        say=lambda _: None,
        versions={"peer": "1.2"},
        failures={},
    )


@pytest.mark.parametrize(
    ("reading", "value"),
    [
        (Reading.TIMES_LESS, 5.0),
        (Reading.TIMES_MORE, 0.2),
        (Reading.SHARE, 0.2),
        (Reading.ALONE, 2.0),
    ],
)
def test_a_claim_is_read_from_medians(reading, value):
    """One round that went wrong does not count."""
    assert harness.measured(claim(reading), VALUES) == pytest.approx(value)


def test_the_spread_is_that_of_the_ratios_in_each_round():
    assert harness.spread(claim(), VALUES) == (5.0, 30.0)


@pytest.mark.parametrize(
    ("reading", "at_least", "aim", "value", "word"),
    [
        (Reading.TIMES_LESS, 4.0, 6.0, 3.9, "no"),
        (Reading.TIMES_LESS, 4.0, 6.0, 4.0, "yes"),
        (Reading.TIMES_MORE, 4.0, 6.0, 6.0, "aim"),
        (Reading.SHARE, 0.5, 0.3, 0.6, "no"),
        (Reading.SHARE, 0.5, 0.3, 0.5, "yes"),
        (Reading.ALONE, 30.0, 10.0, 9.0, "aim"),
        (Reading.ALONE, 150.0, None, 9.0, "yes"),
        (Reading.ALONE, None, None, 9.0, ""),
    ],
)
def test_a_target_is_reached_or_not(reading, at_least, aim, value, word):
    """Both ends are inclusive; for a share, and alone, less is better."""
    assert harness.verdict(claim(reading, at_least, aim), value) == word


def test_amounts_have_the_digits_that_count():
    assert [harness.amount(n) for n in (12_345.6, 12.34, 1.234, 0.01234)] == [
        "12,346",
        "12.3",
        "1.23",
        "0.012",
    ]


def test_the_table_has_a_line_for_each_claim_that_was_measured():
    alone = claim(Reading.ALONE, at_least=3.0, aim=1.0)
    figures = [figure(claim(), alone), figure(claim(), name="other")]

    text = harness.table(figures, {"warm": {"values": VALUES}})

    assert text.splitlines()[2:] == [
        "| T | peer: 10.0 s | us: 2.00 s | **5.00x** (5.00 to 30.0) | 4.00x | 6.00x | yes |",
        "| T | - | us: 2.00 s | (1.00 to 3.00) | ≤ 3.00 s | ≤ 1.00 s | yes |",
    ]


def test_sides_take_turns_and_the_warm_round_is_thrown_away(tmp_path):
    order = []

    def side(name):
        return lambda: float(order.append(name) or len(order))

    values = harness.rounds(
        figure(), {"peer": side("p"), "us": side("u")}, 2, bench(tmp_path)
    )

    assert order == ["p", "u"] * 3
    assert values == {"peer": [3.0, 5.0], "us": [4.0, 6.0]}


def test_a_figure_that_has_warmed_itself_has_no_warm_round(tmp_path):
    cold = figure(warms_up=False)

    values = harness.rounds(cold, {"us": lambda: 1.0}, 2, bench(tmp_path))

    assert values == {"us": [1.0, 1.0]}


def test_sides_that_one_measurement_gives_are_of_the_same_round(tmp_path):
    numbers = iter(range(10))

    def measure():
        return {"p50": next(numbers), "p95": next(numbers)}

    sides = harness.together(measure, "p50", "p95")

    values = harness.rounds(figure(), sides, 2, bench(tmp_path))

    assert values == {"p50": [2, 4], "p95": [3, 5]}


def test_a_side_that_fails_is_measured_again_and_reported(tmp_path):
    """Once; a side that fails twice in a row is broken."""
    turns = iter([1.0, None, 2.0, None, None])
    own_bench = bench(tmp_path)

    def side():
        turn = next(turns)
        if turn is None:
            raise RuntimeError("Address already in use")
        return turn

    assert harness.rounds(figure(), {"us": side}, 1, own_bench) == {"us": [2.0]}
    assert "us (warm, 1 times)" in harness.about(
        {"warm": harness.record(VALUES, own_bench)}
    )
    with pytest.raises(RuntimeError, match="in use"):
        harness.rounds(figure(), {"us": side}, 1, own_bench)


def test_results_say_what_made_them_and_come_back(tmp_path):
    results = {"warm": harness.record(VALUES, bench(tmp_path))}

    harness.save(tmp_path / "new" / "results.json", results)

    assert harness.load(tmp_path / "new" / "results.json") == results
    assert harness.load(tmp_path / "none.json") == {}
    assert "peer 1.2" in harness.about(results)
    assert "Rounds: 3" in harness.about(results)


def test_what_was_measured_beside_other_work_is_named(tmp_path):
    records = {
        name: harness.record(VALUES, replace(bench(tmp_path), load=load))
        for name, load in [("quiet", 0.6), ("busy", 14.2)]
    }

    text = harness.about(records)

    assert "With other work (load average): busy (14)." in text
    assert "quiet" not in text


def test_the_table_of_the_page_is_replaced_and_nothing_else():
    page = f"before\n{harness.BEGIN}\nold\n{harness.END}\nafter\n"

    once = harness.put_in(page, "new")

    assert once == f"before\n{harness.BEGIN}\n\nnew\n\n{harness.END}\nafter\n"
    assert harness.put_in(once, "new") == once


def test_every_figure_has_a_line_in_the_page():
    text = (Path(__file__).parents[2] / "docs" / "performance.md").read_text("utf-8")

    assert [f.name for f in FIGURES if f"| [`{f.name}`](" not in text] == []


def test_a_chart_escapes_and_copes_with_nothing_and_much():
    bars = [
        Bar(
            label="a < b",
            value=value,
            text="",
            low=value,
            high=value,
            marks=(1.0, None),
        )
        for value in (0.0, 0.003, 40_000.0)
    ]

    picture = chart("title", bars)

    assert "a &lt; b" in picture
    assert picture.count("<rect") == 3
    assert "nan" not in picture


def test_a_caller_sends_whole_requests_and_knows_a_whole_answer():
    engine = EngineFile(
        url="http://127.0.0.1:80",
        token="t",
        pid=1,
        process_started_at=0.0,
        version="1",
        interpreter="python",
        home="home",
    )

    head, _, content = next(requests(engine, [{"n": 1}])).partition(b"\r\n\r\n")

    assert f"Content-Length: {len(content)}".encode() in head
    assert json.loads(content)["n"] == 1
    answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n"
    assert [is_complete(answer + body) for body in (b"", b"{", b"{}")] == [
        False,
        False,
        True,
    ]
    with pytest.raises(RuntimeError, match="503"):
        is_complete(b"HTTP/1.1 503 Busy\r\n\r\n")


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("cell 1 of 200: value = 1", 1),
        ("1 of 200 cells", 2),
        ("cell 17 of 200", 33),
        ("waits for a slot", None),
    ],
)
def test_a_line_of_the_panel_says_which_change_it_shows(text, step):
    assert step_of(text) == step


def test_a_change_that_a_newer_one_has_replaced_counts_until_then():
    """What was there when the page was first looked at says nothing."""
    sent = {"a": [0.0, 10.0, 20.0, 30.0], "b": [0.0]}
    seen = [
        ("a", "cell 1 of 2", 15.0),
        ("a", "cell 2 of 2: x", 27.0),
        ("a", "", 28.0),
        ("a", "2 of 2 cells", 45.0),
        ("b", "cell 1 of 2", 45.0),
    ]

    waits = latencies(sent, seen)

    assert waits == [17.0, 7.0, 15.0]
    assert share(waits, 0.5) == 15.0
    assert share(waits, 0.95) == 17.0


@pytest.mark.parametrize(("size", "roots"), [("1", 30), ("10", 3)])
def test_a_home_that_is_made_for_measurements_fits_the_tables_of_today(
    tmp_path, size, roots
):
    home = Home(tmp_path / "home")

    make_home(home, 30, size=size)

    with Store(home.database, journal=home.journal) as store:
        rows = store.list_executions(limit=100)
        assert len(rows) == 30
        assert sum(row.parent_id is None for row in rows) == roots
        assert len(store.cell_runs(rows[0].execution_id)) == 2
