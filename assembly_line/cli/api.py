"""Calls of the line's API: signed with SigV4, answers as JSON, refusals as errors of this project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

from assembly_line.errors import (
    AssemblyError,
    Conflict,
    NotFound,
    NotPermitted,
    RequestRefused,
    RunFailed,
    TargetUnreachable,
)

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

SERVICE = "execute-api"
BATCH = 100
REFUSALS: dict[int, type[AssemblyError]] = {
    400: RequestRefused,
    403: NotPermitted,
    404: NotFound,
    409: Conflict,
    410: Conflict,
    413: RequestRefused,
}


class Api:
    def __init__(self, url: str, credentials: ReadOnlyCredentials, region: str) -> None:
        self._url = url
        self._credentials = credentials
        self._region = region
        self._http = URLLib3Session(timeout=60)

    def start_training(self, line: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Start a training run; its author is whoever signed. Returns `run_id` and `execution_arn`."""
        return self.call("POST", f"/lines/{quote(line)}/runs", request)

    def review(self, line: str, run_id: str) -> dict[str, Any]:
        """The review of a run, with what the reviewer judges by."""
        return self.call("GET", f"/lines/{quote(line)}/runs/{quote(run_id)}/review")

    def decide(
        self, line: str, run_id: str, *, decision: str, reason: str, packet: str | None = None
    ) -> dict[str, Any]:
        """Approve or reject a run; the reviewer is whoever signed. `packet` is the digest of what was judged."""
        body = {"decision": decision, "reason": reason} | ({} if packet is None else {"packet": packet})
        return self.call("POST", f"/lines/{quote(line)}/runs/{quote(run_id)}/review", body)

    def roll_back(self, line: str, *, run_id: str, replaces: str, reason: str) -> dict[str, Any]:
        """Let an approved run decide again in place of the one that decides; who did is whoever signed."""
        body = {"run_id": run_id, "replaces": replaces, "reason": reason}
        return self.call("POST", f"/lines/{quote(line)}/champion", body)

    def features(self, line: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """The published features of one entity at an instant."""
        return self.call("POST", f"/lines/{quote(line)}/features", request)

    def send_feedback(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        """Send up to 100 feedback events: all are accepted, or none."""
        return self.call("POST", "/feedback", {"events": events})

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One signed call.

        Raises:
            RequestRefused, NotPermitted, NotFound, Conflict: what the API said, by its status.
            TargetUnreachable: the API failed, or its answer is not JSON.
        """
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = {} if content is None else {"Content-Type": "application/json"}
        request = AWSRequest(method=method, url=self._url + path, data=content, headers=headers)
        SigV4Auth(self._credentials, SERVICE, self._region).add_auth(request)
        answer = self._http.send(request.prepare())
        document = _document(answer.content)
        if answer.status_code // 100 == 2 and isinstance(document, dict):
            return document
        raise _refusal(answer.status_code, document, answer.text)


def _refusal(status: int, document: Any, text: str) -> AssemblyError:
    """What the line's function said, or what stands before it: that refuses callers without knowing the line."""
    said = document if isinstance(document, dict) else {}
    if "error" not in said:
        reason = said.get("message") or text[:300] or "no reason given"
        advice = "; this caller may not call the API: use --as, or other credentials" if status in (401, 403) else ""
        return TargetUnreachable(f"the API answered {status}: {reason}{advice}")
    # An error that names a command says already what to do.
    shown = ("error",) if "`line " in str(said["error"]) else ("error", "what_to_do")
    message = "; ".join(str(said[name]) for name in shown if said.get(name))
    return REFUSALS.get(status, TargetUnreachable)(message)


def _document(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def send_all(api: Api, events: list[dict[str, Any]]) -> list[str]:
    """Send in batches; the ids that were accepted.

    Raises:
        RunFailed: a later batch was refused; the message says how many events were accepted before.
    """
    accepted: list[str] = []
    for start in range(0, len(events), BATCH):
        try:
            accepted += api.send_feedback(events[start : start + BATCH])["accepted"]
        except AssemblyError as error:
            if not accepted:
                raise
            raise RunFailed(
                f"the first {len(accepted)} events were accepted, then: {error}; sending the file again is safe"
            ) from error
    return accepted
