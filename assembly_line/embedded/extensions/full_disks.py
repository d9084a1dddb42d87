"""A full disk refuses an object: the emulator would take it, keep it in memory only, and forget it in the end."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from assembly_line.embedded.extensions.pinned import ministack, replace

# Left for the other services, whose state is written when the emulator ends.
RESERVED_MIB = 16
INSUFFICIENT_STORAGE = 507  # clients do not repeat what is answered with it
Handle = Callable[..., Coroutine[Any, Any, Any]]


def install() -> None:
    s3 = ministack("services.s3", "handle_request", "_error", "DATA_DIR")
    replace(s3, "handle_request", refusing_when_full(s3.handle_request, s3._error, lambda: _free_bytes(s3.DATA_DIR)))


def refusing_when_full(handle: Handle, error: Callable[..., Any], free_bytes: Callable[[], int]) -> Handle:
    """`handle`, but what would be stored is refused where it has no place; deleting always goes on."""

    async def checked(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], *rest: Any, **named: Any
    ) -> Any:
        if body and method in ("PUT", "POST") and "delete" not in query:
            free = free_bytes()
            if free < len(body) + RESERVED_MIB * 2**20:
                said = (
                    f"no space left on device: {free // 2**20} MiB are free where the embedded AWS keeps its objects, "
                    f"{RESERVED_MIB} MiB stay reserved; the object was not stored"
                )
                return error("InsufficientStorage", said, INSUFFICIENT_STORAGE, path)
        return await handle(method, path, headers, body, query, *rest, **named)

    return checked


def _free_bytes(folder: str) -> int:
    Path(folder).mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(folder).free
