"""What programs and people write that a page must only show: markup, scripts, addresses."""

#: A browser that asks here has carried out what it should only show.
ELSEWHERE = "http://127.0.0.1:9"
SCRIPT = f"<script>document.title = 1; fetch('{ELSEWHERE}/script')</script>"
MARKUP = f"""\
{SCRIPT}
<img src="{ELSEWHERE}/image.png" onerror="document.title = 1">
<style>@import "{ELSEWHERE}/style.css"; body {{ display: none }}</style>
<link rel="stylesheet" href="{ELSEWHERE}/link.css">
<div style="position: fixed; inset: 0; background: url({ELSEWHERE}/back.png)">over</div>
<form action="{ELSEWHERE}/form"><input type="password" aria-label="Password">
<button data-commandlinker-command="application:close-all">Log in</button></form>
<svg><use href="{ELSEWHERE}/use.svg#a"/><image href="{ELSEWHERE}/svg.png"/>
<foreignObject><iframe src="{ELSEWHERE}/frame"></iframe></foreignObject></svg>
<a href="javascript:document.title = 1">a link</a>
<p>and a table</p>
"""
VEGA = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "data": {"url": f"{ELSEWHERE}/vega.json"},
    "mark": "bar",
}
BUNDLES = [
    {"text/html": MARKUP, "text/plain": "html"},
    {"text/markdown": f"{MARKUP}\n\n![]({ELSEWHERE}/markdown.png)"},
    {"text/markdown": f"```mermaid\nflowchart\nA@{{ img: '{ELSEWHERE}/m.png' }}\n```"},
    {"text/latex": "$\\href{javascript:document.title = 1}{x}$"},
    {"image/svg+xml": f'<svg><image href="{ELSEWHERE}/i.png"/>{SCRIPT}</svg>'},
    {"application/javascript": "document.title = 1", "text/plain": "script"},
    {"application/vnd.vegalite.v5+json": VEGA, "text/plain": "a chart"},
]
#: In sight wherever the markup is shown.
WORD = "and a table"
#: What would be asked of our own server.
FILE = "asked-for-by-a-name.png"
#: On one line and without a slash, as names must be.
NAME = (
    f"<img src='{FILE}' onerror='document.title = 1'>"
    "<form action='x'><input type='password'>"
)
#: Writes it wherever a program can write, and fails.
CELL = f"""\
from IPython.display import display
for bundle in {BUNDLES!r}:
    display(bundle, raw=True)
print({MARKUP!r})
this.log({MARKUP!r})
this.set_output(markup={MARKUP!r})
raise ValueError({MARKUP!r})
"""
#: Has it as defaults, help and choices of its parameters.
HANDLER = f"""\
from typing import Literal
def handler(
    system, this, *,
    day: str = {MARKUP!r},  # {NAME}
    shop: Literal[{NAME!r}, "b"] = {NAME!r},
):
    raise ValueError({NAME!r})
"""
#: A question about it, with a form.
QUESTION = f"""\
note = {{"element": "markdown", "description": {f"{MARKUP} ![]({ELSEWHERE}/note.png)"!r}}}
day = {{"element": "string", "label": {NAME!r}, "description": {MARKUP!r}}}
go = {{"element": "submit", "label": {NAME!r}}}
body = {{"type": "object", "properties": {{"note": note, "day": day, "go": go}}}}
this.message({NAME!r}, body=body)
"""
