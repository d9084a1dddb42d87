"""Datasets as a person reads them: lists, manifests, verifications and differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, duration, fields, rows
from assembly_line.cli.views.model_inputs import inputs_in_words
from assembly_line.cli.views.quality import draw_findings
from assembly_line.cli.views.values import minute, short_instant

if TYPE_CHECKING:
    from rich.console import Console

LIST = ("dataset", "purpose", "as of", "features", "rows", "positives", "created")
# The beginning of an id is enough to name a dataset.
SHORT = len("ds-0123456789ab")


def draw_list(found: Sequence[Mapping[str, Any]]) -> Render:
    def draw(console: Console) -> None:
        if not found:
            console.print("There is no finished dataset yet; `line dataset build` makes one.")
            return
        for line in dict.fromkeys(one["line"] for one in found):
            content = [
                (
                    one["dataset_id"][:SHORT],
                    one["purpose"] + (", sampled" if one["sampled"] else ""),
                    short_instant(one["as_of"]),
                    one["features"],
                    one["rows"],
                    one["positives"],
                    minute(one["created"]),
                )
                for one in found
                if one["line"] == line
            ]
            rows(LIST, content, title=line)(console)

    return draw


def draw_built(found: Mapping[str, Any]) -> Render:
    """What the dataset machine answers, and whether this very run built it."""
    positives = "" if found["positives"] is None else f", {found['positives']} positive"
    short = found["dataset_id"][:SHORT]

    def draw(console: Console) -> None:
        _built_fields(found, short, positives)(console)
        for warning in found.get("warnings", ()):
            console.print(f"Warning: {warning}", style="yellow", markup=False)

    return draw


def _built_fields(found: Mapping[str, Any], short: str, positives: str) -> Render:
    return fields(
        {
            "Dataset": found["dataset_id"],
            "Result": "found: an equal request had built it before" if found["exists"] else "built by this run",
            "Line": found["line"],
            "Purpose": found["purpose"],
            "Rows": f"{found['rows']} of {found['spine_rows']} spine rows{positives}",
            "Features": f"{len(found['features'])}: {', '.join(found['features'])}",
            "Engine": f"{found['engine']}, {duration(found['seconds'])}",
            "Model inputs": inputs_in_words(found["shape"]) if "shape" in found else None,
            "Data": found["data_uri"],
            "Manifest": found["manifest_uri"],
            "Run": f"{found['run_id']}, {found['took']}",
            "Next": f"`line dataset get {short} --inputs {found['shape']['shape_id'][:SHORT]} --to FOLDER`"
            if "shape" in found
            else f"`line dataset show {short}`, `line dataset profile {short}`",
        }
    )


def period_in_words(since: str | None, until: str | None) -> str:
    """Which decisions a request is about, `since` <= time < `until`; None leaves a side open."""
    if since is None and until is None:
        return "of any time"
    if since is None or until is None:
        return f"before {short_instant(until)}" if since is None else f"from {short_instant(since)} on"
    return f"{short_instant(since)} to {short_instant(until)}"


def draw_manifest(
    found: Mapping[str, Any], words: Mapping[str, str], *, spine: str | None = None, outcome: str | None = None
) -> Render:
    """How a manifest is read.

    Args:
        words: feature -> what it means.
        spine, outcome: what these mean.
    """

    from assembly_line.features import finding_from_json, sampling_in_words

    def draw(console: Console) -> None:
        excluded = ", ".join(f"{number} {reason}" for reason, number in found["excluded"].items() if number)
        fields(
            {
                "Dataset": found["dataset_id"],
                "Line": found["line"],
                "Release": found["release"],
                "Purpose": found["purpose"],
                "As of": short_instant(found["as_of"]),
                "Decisions": period_in_words(found["from"], found["to"]),
                "Decided on": spine,
                "Rows": f"{found['rows']} of {found['spine_rows']} spine rows",
                "Left out": excluded or "none",
                "Repeated": found["duplicates"] or None,
                "Sampled": sampling_in_words(found["sampling"]) if found.get("sampling") else None,
                "Outcome": _outcome(found, outcome),
                "Keys": ", ".join(f"{name} {kind}" for name, kind in found["keys"].items()),
                "Engine": f"{found['engine']['name']}: {found['engine']['reason']}",
                "Took": duration(found["seconds"]),
                "Created": found["created"],
                "Data": found["data_uri"],
                "Digest of rows": found["logical_digest"],
            }
        )(console)
        rows(("feature", "meaning"), list(words.items()), title="\nFeatures")(console)
        sources = [(name, part["snapshot"][:12], len(part["objects"])) for name, part in found["snapshots"].items()]
        rows(("source", "snapshot", "objects read"), sources, title="Sources")(console)
        joins = found["engine"].get("joins", {})
        if joins:
            rows(("events", "met the decisions by"), list(joins.items()))(console)
        findings = [finding_from_json(one).to_json() for one in found["quality"]]
        draw_findings(findings, title="Quality")(console)
        for limitation in found["limitations"]:
            console.print(f"Limitation: {limitation}", markup=False)

    return draw


def _outcome(found: Mapping[str, Any], words: str | None) -> str | None:
    if not found["outcome"]:
        return None
    parts = [found["outcome"], words, None if found["positives"] is None else f"{found['positives']} positive"]
    return ", ".join(part for part in parts if part)


def draw_verification(found: Mapping[str, Any]) -> Render:
    def draw(console: Console) -> None:
        version = found["semantics"]
        older = (
            None if version["dataset"] == version["here"] else f"version {version['dataset']}, here {version['here']}"
        )
        fields(
            {
                "Dataset": found["dataset_id"],
                "Result": "equal" if found["equal"] else "NOT EQUAL",
                "Compared": f"{found['rows']} rows, {found['columns_compared']} columns",
                "Built by": found["built_by"]["name"],
                "Recomputed by": found["recomputed_by"]["name"],
                "Semantics": older,
                "Took": duration(found["seconds"]),
            }
        )(console)
        checks = [(name, "yes" if passed else "NO") for name, passed in found["checks"].items()]
        rows(("check", "holds"), checks)(console)
        _draw_compared(found, "recorded", "recomputed")(console)

    return draw


def draw_difference(found: Mapping[str, Any]) -> Render:
    def draw(console: Console) -> None:
        console.print(f"From {found['first']} to {found['second']}", style="bold", markup=False)
        features = found["features"]
        changed = [(name, *pair) for name, pair in found["request"].items()]
        changed += [(f"feature {name}", *pair) for name, pair in features["redefined"].items()]
        changed += [(path, *pair) for path, pair in found["declarations"].items()]
        changed = [(name, _instant(first), _instant(second)) for name, first, second in changed]
        one_sided = {"only in the first": features["removed"], "only in the second": features["added"]}
        fields({f"Features {where}": ", ".join(names) or None for where, names in one_sided.items()})(console)
        if changed:
            rows(("asked and declared", "first", "second"), changed)(console)
        elif not any(one_sided.values()):
            console.print("The same was asked and declared.")
        if found["snapshots"]:
            content = [
                (name, _short(one["first"]), _short(one["second"]), one["objects_added"], one["objects_removed"])
                for name, one in found["snapshots"].items()
            ]
            rows(("source", "first", "second", "objects added", "removed"), content)(console)
        else:
            console.print("The sources were the same.")
        counts = found["rows"]
        fields({"Rows": f"{counts['first']}, then {counts['second']}; {counts['common']} in both"})(console)
        _draw_compared(found, "first", "second")(console)

    return draw


def _draw_compared(found: Mapping[str, Any], first: str, second: str) -> Render:
    def draw(console: Console) -> None:
        for side in (first, second):
            only = found[f"only_in_{side}"]
            if only["decisions"]:
                some = ", ".join(only["such_as"][:3])
                console.print(f"{only['decisions']} decisions only in {side}: {some}", markup=False)
        if not found["values"]:
            console.print("No value differs in the decisions that both have.")
            return
        content = [(name, *one.values()) for name, one in found["values"].items()]
        columns = ("column", "differing", f"null only in {first}", f"null only in {second}", "largest difference")
        rows(columns, content)(console)
        examples = [
            (one["decision_id"], one["column"], _text(one[first]), _text(one[second])) for one in found["such_as"]
        ]
        rows(("decision", "column", first, second), examples, title="The first differences")(console)

    return draw


def _instant(value: Any) -> Any:
    return short_instant(value) if isinstance(value, str) else value


def _short(digest: str | None) -> str:
    return "not read" if digest is None else digest[:12]


def _text(value: Any) -> str:
    return "null" if value is None else str(value)
