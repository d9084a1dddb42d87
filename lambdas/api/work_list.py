"""The routes of the work list: see a line's cases, take one, give it back, accept or override it."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from pydantic import BaseModel

from assembly_line.feedback import work_list
from assembly_line.requests import AcceptRequest, CaseRequest, CasesRequest, OverrideRequest
from lambdas.api.account import account
from lambdas.api.incoming import object_of, principal_of
from lambdas.api.responses import answer

logger = Logger(service="api", child=True)
router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


class Claim(BaseModel):
    """Who works a case, or decided it. `yours`: whether that is the caller."""

    standing: str
    by: str
    at: str
    until: str
    yours: bool


class Contribution(BaseModel):
    """What one feature adds to the score, on the model's own scale. `value`: as it was known."""

    feature: str
    value: Any
    contribution: float


class Why(BaseModel):
    """The top contributions to a score. With `base` and the `rest` they add up to the score on the model's own scale.

    `because`: why there are none.
    """

    available: bool
    because: str | None = None
    base: float | None = None
    top: list[Contribution] = []
    rest: float | None = None


class Listed(BaseModel):
    """A case as a page has it."""

    decision_id: str
    decision_time: str
    keys: dict[str, Any]
    recommended: str
    score: float
    detail: dict[str, Any] | None
    explored: bool | None
    revision: int
    policy_version: int | None
    model_run_id: str | None
    run_id: str
    issued_at: str
    expires_at: str
    why: Why
    claim: Claim | None


class Page(BaseModel):
    """A page of open cases. `next`: the cursor of the page behind it; null on the last one."""

    line: str
    at: str
    order: str
    reasons: list[str]
    actions: list[str]
    cases: list[Listed]
    next: str | None


class Earlier(BaseModel):
    """An earlier decision about the same first entity. `outcome`: as far as it was known by then."""

    decision_id: str
    decision_time: str
    recommended: str
    score: float
    action: str
    reason: str | None
    overridden: bool
    confirmed: bool
    outcome: list[Any] | None


class Case(Listed):
    """A case by itself. `known`: the features as they were known; null where the run kept none."""

    line: str
    at: str
    reasons: list[str]
    actions: list[str]
    open: bool
    closed_because: str | None
    known: dict[str, Any] | None
    earlier: list[Earlier]


class Decided(BaseModel):
    """A decision as it went into the ledger."""

    event_id: str
    action: str
    reason: str
    at: str


class Worked(BaseModel):
    """A case after somebody took it, gave it back or decided it. `claim` is null once nobody holds it."""

    line: str
    decision_id: str
    revision: int
    recommended: str
    claim: Claim | None
    decided: Decided | None


@router.get("/lines/<line>/cases", summary="See the open cases of a line", tags=["cases"])
def list_cases(line: str) -> Response[str]:
    asked = CasesRequest.parse(_query())
    return _answer(Page, work_list.cases(account(), line, asked, by=_caller(), now=_now()))


@router.get("/lines/<line>/cases/<decision_id>", summary="See a case by itself", tags=["cases"])
def show_case(line: str, decision_id: str) -> Response[str]:
    at = CaseRequest.parse(_query()).at
    return _answer(Case, work_list.case(account(), line, decision_id, at=at, by=_caller(), now=_now()))


@router.post("/lines/<line>/cases/<decision_id>/take", summary="Take a case", tags=["cases"])
def take(line: str, decision_id: str) -> Response[str]:
    at = CaseRequest.parse(_body()).at
    return _worked("taken", work_list.take(account(), line, decision_id, at=at, by=_caller(), now=_now()))


@router.post("/lines/<line>/cases/<decision_id>/release", summary="Give a case back", tags=["cases"])
def release(line: str, decision_id: str) -> Response[str]:
    return _worked("released", work_list.release(account(), line, decision_id, by=_caller(), now=_now()))


@router.post("/lines/<line>/cases/<decision_id>/accept", summary="Accept what is recommended", tags=["cases"])
def accept(line: str, decision_id: str) -> Response[str]:
    asked = AcceptRequest.parse(_body())
    return _worked("accepted", work_list.accept(account(), line, decision_id, asked, by=_caller(), now=_now()))


@router.post("/lines/<line>/cases/<decision_id>/override", summary="Decide otherwise than recommended", tags=["cases"])
def override(line: str, decision_id: str) -> Response[str]:
    asked = OverrideRequest.parse(_body())
    return _worked("overridden", work_list.override(account(), line, decision_id, asked, by=_caller(), now=_now()))


def _caller() -> str:
    return principal_of(router.current_event)


def _now() -> datetime:
    return datetime.now(UTC)


def _query() -> dict[str, Any]:
    given: dict[str, Any] = dict(router.current_event.query_string_parameters or {})
    if (limit := given.get("limit", "")).isdecimal():
        given["limit"] = int(limit)
    return given


def _body() -> dict[str, Any]:
    return object_of(router.current_event) if router.current_event.body else {}


def _worked(what: str, found: dict[str, Any]) -> Response[str]:
    logger.info("case worked", extra={"line": found["line"], "decision_id": found["decision_id"], "what": what})
    return _answer(Worked, found)


def _answer(model: type[BaseModel], found: dict[str, Any]) -> Response[str]:
    return answer(HTTPStatus.OK, model.model_validate(found).model_dump(mode="json"))
