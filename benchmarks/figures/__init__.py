"""One file for each figure: what is measured, against whom, and why that is fair."""

from benchmarks.figures import (
    accepted,
    cells,
    children,
    command,
    idle,
    lists,
    memory,
    output,
    panel_list,
    panel_live,
    panel_memory,
    panel_output,
    panel_run,
    retry,
    stored,
    warm,
)

FIGURES = [
    module.FIGURE
    for module in (
        warm,
        command,
        children,
        cells,
        output,
        accepted,
        stored,
        lists,
        memory,
        idle,
        retry,
        panel_list,
        panel_run,
        panel_live,
        panel_memory,
        panel_output,
    )
]
