"""What a run called its resources, told in the names of another environment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import takewhile
from typing import Any

from assembly_line.names import ENVIRONMENT_TAG
from assembly_line.proof.physical_names import KINDS
from assembly_line.proof.recording import Recording
from assembly_line.proof.world import World

EMBEDDED = "embedded"
# Shorter ones are ids that may stand in any text.
SHORTEST = 8
# A longer text is hardly the same twice.
REPEATED = 200


def translator(recording: Recording, world: World, *, lines: Mapping[str, str], account: str) -> Callable[[Any], Any]:
    """A function that rewrites every text of a JSON value.

    Args:
        lines: declared name of each line -> its name in `world`, where that differs.
        account: the account of the recorded run.
    """
    pairs = _names(recording, world, {name.replace("_", "-"): other.replace("_", "-") for name, other in lines.items()})
    environment = world.environment
    pairs |= {
        f"assembly-line-{EMBEDDED}-": f"assembly-line-{environment}-",
        f"/assembly-line/{EMBEDDED}": f"/assembly-line/{environment}",
        f"AssemblyLine-{EMBEDDED}-": f"AssemblyLine-{environment}-",
        f'"environment": "{EMBEDDED}"': f'"environment": "{environment}"',
        account: world.place.account,
    }
    for name, other in lines.items():
        pairs |= {name: other, name.replace("_", "-"): other.replace("_", "-")}
    pattern = re.compile(longest_of(pairs))

    def rewritten(text: str) -> str:
        return pattern.sub(lambda found: pairs[found[0]], text)

    # Keys, buckets and tables come again in every call.
    known = cache(rewritten)

    def translate(value: Any) -> Any:
        if isinstance(value, str):
            return known(value) if len(value) < REPEATED else rewritten(value)
        if isinstance(value, Mapping):
            if value.get("Key") == ENVIRONMENT_TAG and value.get("Value") == EMBEDDED:
                return {**value, "Value": environment}
            return {translate(key): translate(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(translate(each) for each in value)
        return value

    return translate


def longest_of(names: Iterable[str]) -> str:
    """A pattern for the longest of the names that stands at a place.

    Python tries alternatives one after the other. Names that begin alike are one alternative here, which is four times
    faster for the names of a run.
    """
    names = list(names)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(min(names), max(names), strict=False)))
    rests: dict[str, list[str]] = {}
    for rest in (name[shared:] for name in names):
        rests.setdefault(rest[:1], []).append(rest)
    optional = "?" if rests.pop("", None) else ""
    more = f"(?:{'|'.join(map(longest_of, rests.values()))}){optional}" if rests else ""
    return re.escape(names[0][:shared]) + more


def _names(recording: Recording, world: World, stacks: Mapping[str, str]) -> dict[str, str]:
    found = {}
    recorded_stacks = {f"Line-{other}": f"Line-{name}" for name, other in stacks.items()}
    for (stack, id_), resource in world.resources.items():
        key = recorded_stacks.get(stack, stack), id_
        if resource.type in KINDS and key in recording.names:
            recorded = _bare(recording.names[key][0])
            if len(recorded) >= SHORTEST:
                found[recorded] = world.name(resource)
    return found


def _bare(reference: str) -> str:
    """The name in what `Ref` gives: itself, or the end of an ARN or an address."""
    if not reference.startswith(("arn:", "http")):
        return reference
    return re.split(r"[/:]", reference.removesuffix(":1"))[-1]
