"""`--using`, which names the wrappers of a run or of a flow."""

from collections.abc import Mapping
from typing import Annotated, Any

from flowkernel.cli.options import Option, Words
from flowkernel.cli.parameters import WRAPPER_FLAG


def _complete_wrapper(_parameters: Mapping[str, Any], incomplete: str) -> Words:
    from flowkernel.cli.completion import complete_wrapper

    return complete_wrapper(incomplete)


Using = Annotated[
    list[str] | None,
    Option(
        (WRAPPER_FLAG,),
        metavar="WRAPPER",
        complete=_complete_wrapper,
        help="A wrapper that it runs through, such as interactive or retry. The parameters "
        "of the wrapper follow it as options: --using retry --max-tries 5. May be repeated, "
        "the outermost first. Default: none is added.",
    ),
]
