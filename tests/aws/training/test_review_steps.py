"""A run waits for its reviewer, and only the stored judgement of an independent one makes a champion."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from assembly_line.decision_ids import day_of
from assembly_line.declarations.training.validation import Validation
from assembly_line.errors import Conflict, DecidedAlready, DocumentUnreadable, NotFound, NotPermitted
from assembly_line.names import ControlKey, LedgerKind, approved_item, review_item
from assembly_line.release import Release
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.services.review_topic import ReviewTopic
from assembly_line.training.review import decide
from lambdas.champions import handler as champions
from lambdas.review import handler as review
from lambdas.training import handler as training
from tests.aws.training.conftest import ReleaseAs
from tests.aws.training.training_run import AUTHOR, DATASET, GROUP, LINE, REVIEWER, RunSoFar, call
from tests.champions import a_champion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_sagemaker.client import SageMakerClient


@pytest.fixture(scope="module")
def registered(new_run: Callable[[], RunSoFar]) -> RunSoFar:
    """A run that the API started for its author, up to its place in the registry."""
    run = new_run()
    run.control.add_run(LINE, run.run_id, {"author": AUTHOR, "requested_at": "2026-11-22T09:59:59.000000Z"})
    run.register()
    return run


@pytest.fixture
def verified(registered: RunSoFar, sagemaker: SageMakerClient, control_table: Table, champion_table: Table) -> RunSoFar:
    """The registered run, of which nobody has asked for a review yet, of a line without a champion."""
    control_table.delete_item(Key={ControlKey.PARTITION: LINE, ControlKey.SORT: review_item(registered.run_id)})
    for item in (approved_item(registered.run_id), ControlKey.CHAMPION):
        champion_table.delete_item(Key={ControlKey.PARTITION: LINE, ControlKey.SORT: item})
    arn = registered.answers["evaluated"]["model_package_arn"]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="PendingManualApproval")
    return registered


@pytest.fixture(autouse=True)
def no_other_approval(champion_table: Table) -> Iterator[None]:
    yield
    for run in ("earlier", "later"):
        champion_table.delete_item(Key={ControlKey.PARTITION: LINE, ControlKey.SORT: approved_item(run)})


def judge(run: RunSoFar, decision: Any, *, reviewer: str = REVIEWER) -> dict[str, Any]:
    reason = "looked at\n the holdout"
    waiting = run.request_review()
    decided = decide(waiting, reviewer=reviewer, decision=decision, reason=reason)
    assert run.control.judge_review(LINE, run.run_id, decided, known=waiting)
    return decided


def test_the_packet_holds_what_a_reviewer_needs(verified: RunSoFar) -> None:
    review = verified.request_review(token="first")

    assert (review["state"], review["token"], review["risk"]) == ("waiting", "first", "standard")
    assert (review["author"], review["author_verified"]) == (AUTHOR, True)
    packet = review["packet"]
    assert packet["metrics"] == verified.answers["evaluated"]["metrics"]
    assert (packet["dataset_id"], packet["as_of"]) == (DATASET, "2017-07-01T00:00:00.000000Z")
    assert (packet["rows"], packet["judged_rows"], packet["holdout_rows"]) == (240, 120, 60)
    assert packet["digest"] == verified.answers["packaged"]["digest"]
    assert packet["limitations"] == ["demographics carries no time"]
    assert packet["excluded"] == {"immature": 3}
    assert packet["warnings"] == ["leakage: ever counts events after the decision: of 9 of 9 entities"]
    assert packet["champion"] is None
    assert packet["purged_rows"] == 60
    left_out, note, unsure = packet["notes"]
    assert left_out.startswith("60 earlier decisions taught the judged fit nothing: their outcomes were not known")
    assert "learnt from the 120 earlier decisions and was judged on the 60 later ones" in note
    assert "from all 240; no later decisions are left" in note
    assert unsure.startswith("The log loss's interval includes that of answering the training part's rate")


def test_a_repeated_request_waits_with_the_new_token_and_the_first_opening(verified: RunSoFar) -> None:
    first = verified.request_review(token="first")

    second = verified.request_review(token="second")

    assert second == {**first, "token": "second"}


def test_a_judgement_that_comes_while_a_repeated_request_reads_stands(
    verified: RunSoFar, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = verified.request_review(token="first")
    decided = decide(waiting, reviewer=REVIEWER, decision="approve", reason="looked at the holdout")

    def read_too_early(_control: ControlTable, *_: str) -> dict[str, Any]:
        assert verified.control.judge_review(LINE, verified.run_id, decided, known=waiting)
        return waiting

    with monkeypatch.context() as patch:
        patch.setattr(ControlTable, "review", read_too_early)
        with pytest.raises(DecidedAlready, match="takes effect now"):
            call(review.request, {**verified.event, "task_token": "second"})
    assert verified.control.review(LINE, verified.run_id) == decided


def test_a_request_after_the_judgement_does_not_reopen_it(verified: RunSoFar) -> None:
    decided = judge(verified, "reject")

    with pytest.raises(DecidedAlready, match="takes effect now"):
        verified.request_review(token="third")
    assert verified.control.review(LINE, verified.run_id) == decided


def test_approval_makes_the_champion(verified: RunSoFar, sagemaker: SageMakerClient) -> None:
    decided = judge(verified, "approve")

    assert verified.conclude() == {"decision": "approve", "champion": True}

    evaluated, packaged = verified.answers["evaluated"], verified.answers["packaged"]
    package = sagemaker.describe_model_package(ModelPackageName=evaluated["model_package_arn"])
    # SageMaker refuses a line break there; the review itself keeps the words as they were written.
    assert (package["ModelApprovalStatus"], package["ApprovalDescription"]) == ("Approved", "looked at the holdout")
    assert verified.control.review(LINE, verified.run_id)["reason"] == "looked at\n the holdout"
    champion = verified.control.champion(LINE)
    assert champion.encoding_key == f"{verified.prefix}encoding.json"
    assert verified.store.exists(champion.encoding_key)
    assert {
        name: getattr(champion, name)
        for name in ("run_id", "model_name", "digest", "author", "reviewer", "promoted_at")
    } == {
        "run_id": verified.run_id,
        "model_name": packaged["model_name"],
        "digest": packaged["digest"],
        "author": AUTHOR,
        "reviewer": REVIEWER,
        "promoted_at": decided["decided_at"],
    }
    assert champion.baseline_feature == "redemptions_365d"
    # Of the 240 rows that the champion learnt from, not of the 120 that its recipe was judged with.
    assert champion.prior == 78 / 240
    assert champion.metrics["prior"] == 36 / 120


@pytest.mark.parametrize(
    ("forged", "said"),
    [
        ({"principal": AUTHOR}, "is the author"),
        ({"principal": "arn:aws:sts::123456789012:assumed-role/Reviewer/else"}, "its review says"),
        ({"line": "another_line"}, "has no review"),
        ({"champion": {"reviewer": "somebody else"}}, "its review says"),
        ({"champion": {"author": "somebody else"}}, "its review says"),
        ({"champion": {"promoted_at": "2199-01-01T00:00:00.000000Z"}}, "its review says"),
        ({"champion": {"run_id": "another-run"}}, "has no review"),
    ],
)
def test_who_asks_for_a_champion_is_not_believed(verified: RunSoFar, forged: dict[str, Any], said: str) -> None:
    judge(verified, "approve")
    verified.conclude()
    promotion, before = verified.answers["promotion"], verified.control.champion(LINE)
    champion = {**promotion["champion"], **forged.get("champion", {})}

    with pytest.raises((NotPermitted, NotFound), match=said):
        call(champions.handle, {**promotion, **forged, "champion": champion})
    assert verified.control.champion(LINE) == before


@pytest.mark.parametrize("decision", [None, "reject"])
def test_a_run_that_no_review_approved_becomes_no_champion(verified: RunSoFar, decision: str | None) -> None:
    champion = a_champion(verified.run_id, line=LINE).to_json()
    if decision is None:
        verified.request_review()
    else:
        judge(verified, decision)

    with pytest.raises(NotPermitted, match="no review approved it"):
        call(champions.handle, {"cause": "review", "line": LINE, "principal": REVIEWER, "champion": champion})


def test_concluding_twice_changes_nothing(verified: RunSoFar) -> None:
    judge(verified, "approve")
    verified.conclude()
    champion = verified.control.champion(LINE)

    assert verified.conclude() == {"decision": "approve", "champion": True}
    assert verified.control.champion(LINE) == champion


def test_the_champion_names_the_run_that_it_took_over_from(verified: RunSoFar) -> None:
    verified.control.promote(LINE, a_champion("earlier"))
    judge(verified, "approve")

    assert verified.conclude()["champion"]

    assert verified.control.champion(LINE).replaces == "earlier"
    assert [run.run_id for run in verified.control.approvals(LINE)] == [verified.run_id, "earlier"]


def test_concluding_again_after_another_run_took_over_displaces_nobody(verified: RunSoFar) -> None:
    judge(verified, "approve")
    verified.conclude()
    later = a_champion("later", promoted_at="2199-01-01T00:00:00.000000Z", replaces=verified.run_id)
    assert verified.control.promote(LINE, later)

    assert verified.conclude() == {"decision": "approve", "champion": False}
    assert verified.control.champion(LINE) == later


def test_rejection_keeps_the_champion_that_is_there(verified: RunSoFar, sagemaker: SageMakerClient) -> None:
    judge(verified, "reject")

    assert verified.conclude() == {"decision": "reject", "champion": False}
    arn = verified.answers["evaluated"]["model_package_arn"]
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "Rejected"
    with pytest.raises(NotFound, match="no champion yet"):
        verified.control.champion(LINE)


@pytest.mark.parametrize(("decision", "kept"), [("approve", True), ("reject", False)])
def test_only_the_model_of_an_approved_run_stays(
    verified: RunSoFar, sagemaker: SageMakerClient, decision: str, *, kept: bool
) -> None:
    name = verified.answers["packaged"]["model_name"]
    role = "arn:aws:iam::123456789012:role/jobs"
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": "image"})
    judge(verified, decision)

    # Twice, as a repeated step does.
    verified.conclude()
    verified.conclude()

    found = [model["ModelName"] for model in sagemaker.list_models()["Models"] if model["ModelName"] == name]
    assert found == ([name] if kept else [])
    if kept:
        sagemaker.delete_model(ModelName=name)


def test_the_next_packet_shows_the_champion_by_its_own_figures(verified: RunSoFar, run: RunSoFar) -> None:
    judge(verified, "approve")
    verified.conclude()

    packet = run.request_review()["packet"]
    # It repeats the champion's run.
    assert packet["since_champion"] == []
    champion = packet["champion"]
    assert (champion["run_id"], champion["own_metrics"]) == (verified.run_id, verified.answers["evaluated"]["metrics"])


def test_the_next_run_is_compared_with_what_the_champion_said_of_the_same_decisions_in_time(
    verified: RunSoFar, run: RunSoFar, new_run: Callable[[], RunSoFar]
) -> None:
    judge(verified, "approve")
    verified.conclude()
    run.package()
    held_out = [row[0] for row in run.batch()][:60]
    ledger = training.account().ledger

    def scored(name: str, said: Sequence[str], **changes: Any) -> None:
        rows = [
            {"decision_id": one, "revision": 1, "score": 0.5, "model": {"run_id": verified.run_id}, **changes}
            for one in said
        ]
        ledger.append(LINE, LedgerKind.PREDICTIONS, day_of(said[0]), f"{run.run_id}-{name}", rows)

    scored("in-time", held_out[:40])
    scored("backfill", held_out[40:], backfill=["model_knows_more"])

    metrics = run.evaluate()["metrics"]

    assert {name: metrics["champion"][name] for name in ("run_id", "rows")} == {"run_id": verified.run_id, "rows": 40}
    auc = metrics["champion"]["measures"]["auc"]
    assert (auc["champion"], auc["challenger"], auc["difference"], auc["says"]) == (0.5, 1.0, 0.5, "better")
    assert metrics["champion_auc"] == 0.5
    # No run is compared with decisions that nobody scored in time.
    later = new_run()
    later.control.write(LINE, ControlKey.CHAMPION, {**later.control.champion(LINE).to_json(), "run_id": "x"})
    assert later.evaluate()["metrics"]["champion"] is None


def test_answering_the_execution_by_hand_is_not_a_review(verified: RunSoFar, sagemaker: SageMakerClient) -> None:
    verified.request_review()

    with pytest.raises(NotPermitted, match="nobody decided it; it is decided with `line review`"):
        verified.conclude()
    arn = verified.answers["evaluated"]["model_package_arn"]
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "PendingManualApproval"


@pytest.mark.parametrize("reviewer", [AUTHOR, "arn:aws:sts::123456789012:assumed-role/Reviewer/anna"])
def test_an_approval_by_the_author_that_slipped_into_the_table_has_no_effect(verified: RunSoFar, reviewer: str) -> None:
    review = verified.request_review()
    forged = {**review, "state": "decided", "decision": "approve", "reviewer": reviewer, "reason": "-"}
    forged["decided_at"] = "2026-11-22T10:00:00.000000Z"
    assert verified.control.judge_review(LINE, verified.run_id, forged, known=review)

    with pytest.raises(NotPermitted, match="is the author"):
        verified.conclude()
    with pytest.raises(NotFound, match="no champion yet"):
        verified.control.champion(LINE)


def test_a_judgement_of_an_unknown_word_that_slipped_into_the_table_neither_approves_nor_rejects(
    verified: RunSoFar, sagemaker: SageMakerClient
) -> None:
    review = verified.request_review()
    forged = {**review, "state": "decided", "decision": "aprove", "reviewer": REVIEWER, "reason": "-"}
    forged["decided_at"] = "2026-11-22T10:00:00.000000Z"
    assert verified.control.judge_review(LINE, verified.run_id, forged, known=review)

    with pytest.raises(DocumentUnreadable, match="decision: 'aprove': expected approve or reject"):
        verified.conclude()
    arn = verified.answers["evaluated"]["model_package_arn"]
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "PendingManualApproval"


def test_the_packet_says_what_changed_since_the_champion(
    verified: RunSoFar, run: RunSoFar, release: Release, release_as: ReleaseAs
) -> None:
    judge(verified, "approve")
    verified.conclude()
    without = {name: feature for name, feature in release.line.features.items() if name != "income"}
    groups = {name: one for name, one in release.line.groups.items() if "income" not in one}
    policy = replace(release.line.policy, capacity=0.1)
    release_as(replace(release.line, features=without, groups=groups, policy=policy))
    run.begin(hyperparameters={"max_depth": 5})

    changes = run.request_review()["packet"]["since_champion"]

    said = {one["name"]: (one["before"], one["now"]) for one in changes}
    assert said["context.hyperparameters.max_depth"] == ("3", "5")
    assert said["features out, and in"] == ("income", "-")
    assert said["policy.capacity"] == ("0.2", "0.1")
    assert [one["step"] for one in changes][:2] == ["request", "release"]


LIMITS = Validation(segments=("kids_count", "campaign_id"), thresholds={"log_loss": 0.01}, calibration=0.9)


def test_a_run_that_misses_a_limit_ends_with_its_figures_and_nobody_can_approve_it(
    run: RunSoFar, release: Release, release_as: ReleaseAs, sagemaker: SageMakerClient
) -> None:
    release_as(replace(release.line, validation=LIMITS))
    before = sagemaker.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
    final = run.fit_side_by_side()
    name, role = run.package()["model_name"], "arn:aws:iam::123456789012:role/jobs"
    for model in (name, final):
        sagemaker.create_model(ModelName=model, ExecutionRoleArn=role, PrimaryContainer={"Image": "image"})

    evaluated = run.evaluate()
    answers = [call(review.request, run.event) for _ in range(2)]

    (said,) = evaluated["blocked"]
    assert said.startswith("The log loss is 0.")
    assert "expected at most 0.01." in said
    assert evaluated["model_package_arn"] is None
    assert answers == [{"decision": "did_not_pass", "reason": said, "champion": False, "promotion": None}] * 2
    assert sagemaker.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"] == before
    assert not {name, final} & {model["ModelName"] for model in sagemaker.list_models()["Models"]}
    found = run.control.review(LINE, run.run_id)
    assert (found["state"], found["packet"]["blocked"], found.get("token")) == ("did_not_pass", [said], None)
    assert [one["kept"] for one in found["packet"]["validation"]["limits"]] == [False, True]
    for decision in ("approve", "reject"):
        with pytest.raises(Conflict, match=r"did not pass its validation.*`line review show"):
            decide(found, reviewer=REVIEWER, decision=decision, reason="but I like it")
    assert run.store.read_json(f"{run.prefix}run.json")["delivered"] is None


def test_a_limit_that_does_not_block_is_a_note_for_the_reviewer(
    run: RunSoFar, release: Release, release_as: ReleaseAs
) -> None:
    release_as(replace(release.line, validation=replace(LIMITS, block=False)))

    packet = run.request_review()["packet"]

    assert packet["blocked"] == []
    (missed,) = [note for note in packet["notes"] if "expected at most 0.01." in note]
    assert missed.startswith("The log loss is 0.")
    validation = packet["validation"]
    assert [part["part"] for part in validation["segments"]["kids_count"]] == ["others"]
    assert {"auc", "log_loss", "brier"} == set(validation["linear"])
    assert validation["stability"]["rows"] == 60
    # DynamoDB takes items of at most 400 KB.
    assert len(json.dumps(packet)) < 40_000


def test_a_run_without_a_verified_author_says_so_and_cannot_be_approved(run: RunSoFar) -> None:
    review = run.request_review()

    assert "not verified" in review["packet"]["notes"][-1]
    with pytest.raises(NotPermitted, match="its author is not verified"):
        judge(run, "approve")
    judge(run, "reject")
    assert run.conclude() == {"decision": "reject", "champion": False}


REMINDED = {"review_waits": [3, 4, 7], "review_announces": ["reminder", "escalation"]}


@pytest.fixture
def subscribed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The line's topic, and what its subscriber got."""
    monkeypatch.setenv("ACCOUNT_ID", "123456789012")
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    topic = sns.create_topic(Name="assembly-line-test-coupon-redemption_reviews")["TopicArn"]
    url = sqs.create_queue(QueueName="reminded")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def received() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in found]

    yield received
    sns.delete_topic(TopicArn=topic)
    sqs.delete_queue(QueueUrl=url)


def reminded(run: RunSoFar, kind: str) -> str:
    event = {"context": {**run.event["context"], **REMINDED}, "kind": kind}
    says: str = call(review.remind, event)["says"]
    return says


def test_a_reminder_names_the_run_and_its_end_and_is_sent_once_however_often_the_step_runs(
    verified: RunSoFar, subscribed: Callable[[], list[dict[str, Any]]]
) -> None:
    verified.request_review()

    first, again = reminded(verified, "reminder"), reminded(verified, "reminder")

    (message,) = subscribed()
    assert message["Subject"] == f"A review waits: {LINE}, run {verified.run_id}"
    assert f"line review show {LINE} {verified.run_id}" in message["Message"]
    assert message["MessageAttributes"]["kind"]["Value"] == "reminder"
    waiting = verified.control.review(LINE, verified.run_id)
    assert f"times out at {waiting['times_out_at'][:10]}" in first == again
    assert [(one["kind"], one["sent"]) for one in waiting["reminders"]] == [("reminder", True)]
    assert waiting["token"] == "first"

    reminded(verified, "escalation")
    (escalated,) = subscribed()
    assert escalated["Subject"].startswith("Escalated: ")
    assert "were reminded before" in escalated["Message"]


def test_a_decided_review_reminds_nobody_and_keeps_its_judgement(
    verified: RunSoFar, subscribed: Callable[[], list[dict[str, Any]]]
) -> None:
    decided = judge(verified, "approve")

    assert reminded(verified, "reminder") == "the review was decided meanwhile"

    assert subscribed() == []
    assert verified.control.review(LINE, verified.run_id) == decided


def test_a_judgement_that_comes_while_a_reminder_is_sent_stands(
    verified: RunSoFar, subscribed: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = verified.request_review()
    decided = decide(waiting, reviewer=REVIEWER, decision="approve", reason="looked at the holdout")
    tell = ReviewTopic.tell

    def late(topic: ReviewTopic, kind: str, **text: str) -> bool:
        assert verified.control.judge_review(LINE, verified.run_id, decided, known=waiting)
        return tell(topic, kind, **text)

    monkeypatch.setattr(ReviewTopic, "tell", late)
    reminded(verified, "reminder")

    assert verified.control.review(LINE, verified.run_id) == decided


def test_a_line_whose_topic_is_gone_waits_on_and_says_so(verified: RunSoFar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCOUNT_ID", "123456789012")
    verified.request_review()

    assert "the line has no topic here: `line deploy` makes it" in reminded(verified, "reminder")
