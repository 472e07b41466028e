"""Bar charts on a logarithmic scale, as SVG, for light and dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 15px }
.quiet { fill: #57606a; font-size: 12px }
.bar { fill: #0b6e99 } .peer { fill: #8c959f } .spread { stroke: #24292f; stroke-width: 1.5 }
.line { stroke: #8c959f; stroke-opacity: .4 }
.mark { stroke: #bc4c00; stroke-width: 2 } .aim { stroke-dasharray: 3 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .quiet { fill: #9198a1 } .spread { stroke: #e6edf3 }
  .bar { fill: #4cb3dd } .peer { fill: #6e7681 } .mark { stroke: #f0883e }
}"""
LEFT, WIDTH, RIGHT, ROW, TOP = 330, 400, 120, 30, 46  #: Pixels.


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One line of a chart."""

    label: str
    value: float
    text: str  #: What is written behind it.
    low: float
    high: float
    is_engine: bool = True
    marks: tuple[float | None, ...] = ()  #: At least, and the aim.


def chart(title: str, bars: Sequence[Bar]) -> str:
    """The picture. Bars begin at the power of ten below the smallest number in it."""
    numbers = [
        n for bar in bars for n in (bar.value, bar.low, bar.high, *bar.marks) if n
    ]
    numbers = numbers or [1.0]  # All are 0.
    first = floor(log10(min(numbers) * 0.99))
    last = max(first + 1, ceil(log10(max(numbers))))

    def x(value: float) -> float:
        part = (log10(max(value, 10**first)) - first) / (last - first)
        return LEFT + part * WIDTH

    height = TOP + ROW * len(bars) + 26
    parts = [f'<text class="title" x="8" y="22">{escape(title)}</text>']
    for power in range(first, last + 1):
        grid_x = x(10**power)
        parts.append(_line("line", grid_x, TOP - 8, grid_x, height - 22))
        parts.append(
            f'<text class="quiet" text-anchor="middle" x="{grid_x:.0f}" y="{height - 8}">'
            f"{10**power:,g}</text>"
        )
    for number, bar in enumerate(bars):
        y = TOP + number * ROW
        kind = "bar" if bar.is_engine else "peer"
        wide = max(2.0, x(bar.value) - LEFT)
        end = max([x(bar.value), x(bar.high), *(x(m) for m in bar.marks if m)])
        parts += [
            f'<text text-anchor="end" x="{LEFT - 10}" y="{y + 15}">{escape(bar.label)}</text>',
            f'<rect class="{kind}" x="{LEFT}" y="{y}" rx="2" height="20" width="{wide:.1f}"/>',
            _line("spread", x(bar.low), y + 10, x(bar.high), y + 10),
            f'<text x="{end + 8:.0f}" y="{y + 15}">{escape(bar.text)}</text>',
        ]
        for mark, look in zip(bar.marks, ("mark", "mark aim"), strict=False):
            if mark:
                parts.append(_line(look, x(mark), y - 3, x(mark), y + 23))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" '
        f'viewBox="0 0 {LEFT + WIDTH + RIGHT} {height}" width="{LEFT + WIDTH + RIGHT}">'
        f"<style>{STYLE}</style>{''.join(parts)}</svg>\n"
    )


def _line(look: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{look}" x1="{x1:.1f}" y1="{y1}" x2="{x2:.1f}" y2="{y2}"/>'
