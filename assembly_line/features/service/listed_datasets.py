"""The finished datasets of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assembly_line.storage.account import Account

KEPT = ("dataset_id", "line", "purpose", "as_of", "from", "to", "rows", "spine_rows", "positives", "created")


def listed(account: Account, line: str | None = None) -> list[dict[str, Any]]:
    """The essentials of each, the newest first, as JSON values.

    Args:
        line: only its datasets; None for those of every line.

    Raises:
        NotFound: the line was never released.
    """
    if line is not None:
        account.control.current_release(line)
    return [
        {
            **{name: one.manifest[name] for name in KEPT},
            "features": len(one.manifest["features"]),
            "sampled": bool(one.manifest.get("sampling")),
            "engine": one.manifest["engine"]["name"],
        }
        for one in account.finished_datasets.of(account.control.lines() if line is None else [line])
    ]
