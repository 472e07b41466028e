"""Types of the fields of requests, with their limits. Pydantic checks them at the edge."""

from typing import Annotated

from pydantic import Field

Id = Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]  #: A UUID.
Actor = Annotated[str, Field(max_length=200)]  #: Who sends the request.
#: Seconds to wait for an answer.
AnswerTimeout = Annotated[float, Field(ge=0, le=10 * 366 * 86_400.0)]
CallKey = Annotated[str, Field(max_length=400)]  #: Which call of a flow it is.
