"""A prompt as HTML: its text, until when it waits, and what came of it. Pure.

Subjects and texts are foreign, so everything is escaped, and no picture is loaded.
"""

from html import escape

from markdown_it import MarkdownIt

from flowkernel.core.clock import now
from flowkernel.core.message_projection import pressed_button
from flowkernel.core.models import Message
from flowkernel.core.status import MessageStatus
from flowkernel.display.deadline import clock_text

STYLE = """<style>
.jp-flowkernel-prompt{border:1px solid var(--jp-border-color1,#8888);border-left-width:4px;
border-left-color:var(--jp-warn-color1,#c77700);padding:.5em .8em;margin:.4em 0;max-width:64em}
.jp-flowkernel-closed.jp-flowkernel-closed{border-left-color:var(--jp-border-color1,#8888)}
.jp-flowkernel-note{margin-left:11em;color:var(--jp-content-font-color2,inherit)}
.jp-flowkernel-prompt.jp-flowkernel-prompt h3{margin:0 0 .2em;font-size:1.1em;line-height:1.5}
.jp-flowkernel-prompt.jp-flowkernel-prompt p{margin:0 0 .3em;line-height:1.5}
.jp-flowkernel-prompt.jp-flowkernel-prompt pre{max-height:14em;overflow:auto;padding:.4em;
margin:0 0 .4em;line-height:1.35;background:var(--jp-layout-color2,#8882)}
.jp-flowkernel-code.jp-flowkernel-code{flex-direction:column;align-items:stretch}
.jp-flowkernel-code.jp-flowkernel-code>label{width:auto;max-width:none;text-align:left}
.jp-flowkernel-code textarea{font-family:var(--jp-code-font-family,monospace);
font-size:var(--jp-code-font-size,13px)}
.jp-flowkernel-part{border-left:2px solid var(--jp-border-color1,#8888);margin:.3em 0;
padding-left:.6em}
.jp-flowkernel-apart{margin-left:auto;padding-left:1.5em}
.jp-flowkernel-question{align-items:center;gap:.4em;margin:.3em 0;padding:.3em .6em;
border:1px solid var(--jp-error-color1,#dd3b3b)}
.jp-flowkernel-until{font-variant-numeric:tabular-nums}
.jp-flowkernel-refused{color:var(--jp-error-color1,#dd3b3b)}
</style>"""


def message_html(message: Message) -> str:
    """The subject, the text and the deadline of a message, without anything that runs."""
    head = f"<h3>{escape(message.subject)}</h3>"
    return head + html_of(message.message or "") + deadline_html(message)


def deadline_html(message: Message) -> str:
    """Until when an open message waits. The script of the page counts it down.

    A timer is not read aloud by itself, however often it changes.
    """
    if message.expires_at is None:
        text = "It waits without a time limit."
    else:
        clock = clock_text(message.expires_at, now())
        moment = message.expires_at.isoformat()
        text = (
            'It waits <span class="jp-flowkernel-until" role="timer" aria-live="off" '
            f'data-until="{escape(moment)}">until {clock}</span>.'
        )
    return f"<p>{text}</p>"


def outcome_html(message: Message) -> str:
    """What came of a message, as HTML."""
    return f"<p>{escape(outcome_text(message))}</p>"


def outcome_text(message: Message) -> str:
    """What came of a message, in one line."""
    match message.status:
        case MessageStatus.ANSWERED:
            person, channel = message.answered_by or "somebody", message.answered_from
            verb = pressed_button(message)
            return f"{message.subject}: {verb}, by {person} from {channel}"
        case MessageStatus.OPEN:
            return f"{message.subject}: it waits for an answer. %inbox shows it."
        case _:
            return f"{message.subject}: {message.closed_why or 'closed.'}"


def html_of(markdown: str) -> str:
    """Markdown as HTML; HTML in it is shown as text, and no picture is loaded."""
    parser = MarkdownIt("commonmark", {"html": False}).disable("image")
    return str(parser.render(markdown))
