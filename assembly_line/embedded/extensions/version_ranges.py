"""S3 answers a range of a version with that range; the stock emulator with the whole version.

Shown by findings/ministack-range-of-a-version.sh.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assembly_line.embedded.extensions.pinned import ministack, replace

OK, PARTIAL, NOT_SATISFIABLE = 200, 206, 416


def install() -> None:
    s3 = ministack("services.s3", "_get_object", "_parse_range", "_range_error_xml", "_xml_body", "_qp")
    stock = s3._get_object

    def get_object(bucket: str, key: str, headers: Mapping[str, str], query: Mapping[str, Any] | None = None) -> Any:
        wanted = headers.get("range", "")
        if not wanted or not s3._qp(query or {}, "versionId", ""):
            return stock(bucket, key, headers, query)
        # A digest of the whole object says nothing about a part of it.
        whole = {name: value for name, value in headers.items() if name not in ("range", "x-amz-checksum-mode")}
        status, answered, body = stock(bucket, key, whole, query)
        if status != OK or "Content-Range" in answered:
            return status, answered, body
        found = s3._parse_range(wanted, len(body))
        if found is None:
            refusal = {"Content-Type": "application/xml", "Content-Range": f"bytes */{len(body)}"}
            return NOT_SATISFIABLE, refusal, s3._xml_body(s3._range_error_xml(bucket, key))
        first, last = found
        part = body[first : last + 1]
        place = {"Content-Length": str(len(part)), "Content-Range": f"bytes {first}-{last}/{len(body)}"}
        return PARTIAL, {**answered, **place}, part

    replace(s3, "_get_object", get_object)
