"""From a request as it came to a plan: the release that it names, the snapshots that are in force now."""

from __future__ import annotations

from dataclasses import dataclass

from assembly_line.errors import NotFound, RequestRefused
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.snapshots import Snapshot
from assembly_line.features.planning.planning import make_plan, needed_sources
from assembly_line.release import Release
from assembly_line.requests import DatasetRequest
from lambdas.dataset.stores import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan, and the whole snapshots of which it reads a part."""

    plan: Plan
    snapshots: dict[str, Snapshot]


def resolve(stores: Stores, request: DatasetRequest) -> Planned:
    """Resolve a request; nothing is written.

    Raises:
        NotFound: the line was never released, or a source never loaded.
        RequestRefused: the request names what the line does not have.
    """
    release = _release(stores, request)
    names = needed_sources(release.line, request)
    snapshots = {name: stores.lake.snapshot(name) for name in names}
    plan = make_plan(
        request,
        release.line,
        release=release.digest,
        snapshots=snapshots,
        memory_mib=stores.memory_mib,
        scripts=release.script_digests,
    )
    return Planned(plan=plan, snapshots=snapshots)


def _release(stores: Stores, request: DatasetRequest) -> Release:
    """The release that a request names, or the line's current one."""
    current = stores.control.current_release(request.line)
    try:
        release = stores.releases.read(request.release or current)
    except NotFound as error:
        raise RequestRefused(
            f"release: {request.release or current} is not in the store; "
            f"the current release of {request.line} is {current}"
        ) from error
    if release.line.name != request.line:
        raise RequestRefused(
            f"release: {request.release} is of line {release.line.name}, expected one of {request.line}; "
            f"its current release is {current}"
        )
    return release
