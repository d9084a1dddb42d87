"""Read-only questions to an account. A refusal is an answer too: it says which permission is missing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

READ_ONLY = re.compile(r"(get|list|describe|batch_get)_\w+")
DENIED = re.compile(r"AccessDenied|UnauthorizedOperation|AuthorizationError|NotAuthorized|Forbidden|ExplicitDeny")
FORBIDDEN = 403
MISSING = re.compile(
    r"NotFound|NoSuch|NonExist|ResourceNotFound|ValidationError|ValidationException|DoesNotExist|InvalidRequest|InvalidParameterValue"
)


@dataclass(frozen=True)
class Answer:
    """Args: `value`: None if there is no such thing; `denied`, `failed`: why there is no answer."""

    value: Any = None
    denied: str | None = None
    failed: str | None = None

    @property
    def known(self) -> bool:
        return self.denied is None and self.failed is None


class Questions:
    """Args: `client`: gives a client of a service, such as `Target.client`."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client

    def __call__(self, service: str, operation: str, key: str | None = None, **parameters: Any) -> Answer:
        """The answer of an operation; with `key`, that field of every page, joined.

        Raises:
            ValueError: the operation might change something.
        """
        if not READ_ONLY.fullmatch(operation):
            raise ValueError(f"{service}.{operation}: expected an operation that only reads")
        try:
            client = self._client(service)
            if key is not None and client.can_paginate(operation):
                pages = client.get_paginator(operation).paginate(**parameters)
                return Answer([each for page in pages for each in page.get(key, [])])
            found = getattr(client, operation)(**parameters)
            found.pop("ResponseMetadata", None)
            return Answer(found if key is None else found.get(key))
        except ClientError as error:
            code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if DENIED.search(code) or status == FORBIDDEN:
                return Answer(denied=f"{service}:{_action(operation)}")
            return Answer() if MISSING.search(code) else Answer(failed=f"{code}: {message}"[:200])
        except BotoCoreError as error:
            return Answer(failed=str(error)[:200])


def _action(operation: str) -> str:
    return "".join(part.capitalize() for part in operation.split("_"))
