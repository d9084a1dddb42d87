"""Why something failed, in words: services nest JSON in strings, and the reason is the innermost one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# In order of how much a person learns from it.
REASON_MEMBERS = ("FailureReason", "errorMessage", "ErrorMessage", "StatusMessage", "Cause", "cause")


def readable_failure(error: str | None, cause: str | None) -> str:
    """An execution's error and cause in one line. An execution that failed with its child is named by the child's."""
    document = parsed(cause)
    inner = document.get("Error") if isinstance(document, Mapping) else None
    return ": ".join(part for part in (str(inner or error or ""), readable_cause(cause or "")) if part)


def readable_cause(cause: str) -> str:
    """What a person wants to read of a cause."""
    document = parsed(cause)
    if isinstance(document, str):
        return document.strip()
    if isinstance(document, list):
        return "; ".join(filter(None, (readable_cause(json.dumps(part)) for part in document)))
    if not isinstance(document, Mapping):
        return cause.strip()
    for member in REASON_MEMBERS:
        inner = document.get(member)
        if inner:
            return readable_cause(inner if isinstance(inner, str) else json.dumps(inner))
    return cause.strip()


def parsed(text: str | None) -> Any:
    """The JSON in a text, or the text if there is none."""
    if not text:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
