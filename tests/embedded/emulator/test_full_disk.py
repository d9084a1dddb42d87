"""What has no place on the disk is refused, not taken and forgotten."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from assembly_line.embedded.extensions.full_disks import RESERVED_MIB, refusing_when_full
from tests.embedded.embedded_account import EmbeddedAccount, unique

MIB = 2**20


def ask(method: str, body: bytes, query: dict[str, Any], *, free: int) -> Any:
    async def handle(*_: Any) -> str:
        return "handled"

    def error(code: str, message: str, status: int, resource: str) -> tuple[str, str, int, str]:
        return code, message, status, resource

    return asyncio.run(refusing_when_full(handle, error, lambda: free)(method, "/bucket/key", {}, body, query))


def test_an_object_without_a_place_is_refused_with_how_much_there_is() -> None:
    code, message, status, _ = ask("PUT", b"x", {}, free=3 * MIB)

    assert (code, status) == ("InsufficientStorage", 507)
    assert "no space left on device: 3 MiB are free" in message
    assert "was not stored" in message


@pytest.mark.parametrize(
    ("method", "body", "query", "free"),
    [
        ("PUT", b"x" * MIB, {}, (RESERVED_MIB + 1) * MIB),
        ("GET", b"", {}, 0),
        ("DELETE", b"", {}, 0),
        ("POST", b"<Delete/>", {"delete": [""]}, 0),
    ],
)
def test_what_has_a_place_or_needs_none_goes_on(method: str, body: bytes, query: dict[str, Any], free: int) -> None:
    assert ask(method, body, query, free=free) == "handled"


def test_objects_are_stored_and_deleted_through_it(cloud: EmbeddedAccount) -> None:
    s3, bucket = cloud.client("s3"), unique()
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")

    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"
    assert s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}]})["Deleted"][0]["Key"] == "a"
