"""What every body of a request has to be: JSON. The shapes are in `schemas`."""

import sys
from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from flowkernel.core.errors import BadArgument
from flowkernel.core.json_values import dumps, plain_json


def check_json(value: Any) -> Any:
    """The value, unless it only looks like JSON: NaN, half characters.

    Raises:
        BadValue: The sentence says where.
        BadArgument: The request is not sent as JSON.
    """
    try:
        dumps(value).encode()
    except (ValueError, RecursionError):
        plain_json(value, "the request", limit=sys.maxsize)  # Raises, and says where.
    except TypeError as error:
        raise BadArgument(
            "The request does not say that its body is JSON. Send it with the header "
            "`Content-Type: application/json`."
        ) from error
    return value


#: `Annotated[StartRequest, IS_JSON]`: a body that becomes a dataclass.
IS_JSON = BeforeValidator(check_json)


class Body(BaseModel):
    """A body that becomes a model. A field that the model does not have is refused."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _check_json(cls, value: Any) -> Any:
        return check_json(value)
