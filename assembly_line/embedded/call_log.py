"""Calls of AWS as they come in, one JSON document a line: what `line proof` judges afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER_VARIABLE = "CALL_LOG"
# A body that is longer is content, not a request: only its length is kept.
LONGEST_BODY = 2**20
# A folder of calls ends here, so that an account that is used for months does not fill the disk.
LONGEST_FILE = 512 * 2**20
HEADERS = ("content-type", "user-agent", "if-match", "if-none-match", "range", "content-md5")
PREFIXES = ("x-amz-", "x-amzn-")
SECRET = ("x-amz-security-token",)
# Queries of requests whose body is an object, or a part of one.
OBJECTS = re.compile(r"partNumber=|x-id=(PutObject|UploadPart)")


class CallLog:
    """Appends to one file. A disk that is full costs the record, never the call."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._size = path.stat().st_size if path.exists() else 0

    @classmethod
    def of_process(cls, name: str) -> CallLog | None:
        """The log of this process; None where nobody asked for one."""
        folder = os.environ.get(FOLDER_VARIABLE)
        return cls(Path(folder) / f"{name}.jsonl") if folder else None

    def add(self, entry: Mapping[str, Any]) -> None:
        written = json.dumps({"at": datetime.now(UTC).isoformat(), **entry}, default=str) + "\n"
        with self._lock, contextlib.suppress(OSError):
            if self._size < LONGEST_FILE:
                self._size += len(written)
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(written)


def request_entry(
    *, method: str, path: str, query: str, headers: Iterable[tuple[str, str]], body: bytes, status: int
) -> dict[str, Any]:
    """What is kept of one HTTP request. The content of an object is not."""
    given = {name.lower(): value for name, value in headers}
    scope = _scope(given.get("authorization", ""))
    content = scope[1:] == ["s3"] and method == "PUT" and (not query or OBJECTS.search(query) is not None)
    kept = {name: value for name, value in given.items() if name in HEADERS or name.startswith(PREFIXES)}
    return {
        "method": method,
        "path": path,
        "query": query,
        "headers": {name: value for name, value in kept.items() if name not in SECRET},
        "scope": scope,
        "length": len(body),
        "body": None if content else _text(body),
        "status": status,
    }


def _scope(authorization: str) -> list[str]:
    """Access key and service that a request is signed for; empty if it is not signed."""
    _, found, rest = authorization.partition("Credential=")
    parts = rest.partition(",")[0].split("/")
    return [parts[0], parts[3]] if found and len(parts) == 5 else []


def _text(body: bytes) -> str | None:
    if len(body) > LONGEST_BODY:
        return None
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None
