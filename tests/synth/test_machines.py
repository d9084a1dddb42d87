"""The state machines of the templates: in order, bounded, retrying what is transient, and failing with the reason."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import pytest

from assembly_line import errors
from assembly_line.declarations.training.reviews import LONGEST
from assembly_line.messages import StationEvent
from assembly_line.names import CODE_CHANNEL, CONTAINER_CODE, TRAIN_CHANNEL, GlueArgument, child_run
from assembly_line.training.attempts import Attempt, Problem
from assembly_line.training.hyperparameters import script_mode
from assembly_line.training.states import EvaluatedModel, PackagedModel, PreparedJob, PreparedSearch, RunContext
from tests.synth.cloud_assembly import Assembly, Resource
from tests.synth.state_language import Definition, branches_of, definitions, evaluate, expressions, problems, scopes

ORDER = {
    "Dataset": [
        "ExplainOnly",
        "Explain",
        "AnnounceStarted",
        "Plan",
        "AlreadyBuilt",
        "Claim",
        "Claimed",
        "WaitForOther",
        "WhichEngine",
        "Build",
        "BuildWithSpark",
        "Finish",
        "WhichInputs",
        "PrepareInputs",
        "AnnounceFinished",
    ],
    "Training": [
        "AnnounceStarted",
        "Begin",
        "BuildDataset",
        "Searches",
        "PrepareTrials",
        "Tune",
        "TakeBest",
        "Fits",
        "Evaluate",
        "Passed",
        "DidNotPass",
        "Refitted",
        "Register",
        "AnnounceWaiting",
        "Reminds",
        "ReviewUntilReminder",
        "Remind",
        "AnnounceReminded",
        "Review",
        "Conclude",
        "Approved",
        "Promote",
        "AnnounceFinished",
        "AnnounceSentBack",
    ],
    "Scoring": [
        "AnnounceStarted",
        "Begin",
        "BuildDataset",
        "AnyDecisions",
        "Prepare",
        "WhoScores",
        "ScoreInFunction",
        "TryFunction",
        "Score",
        "Publish",
        "InOneCall",
        "DeliverShards",
        "Deliver",
        "Delivered",
        "AwaitDelivery",
        "AnnounceFinished",
    ],
    "Outcomes": ["AnnounceStarted", "Derive", "AnnounceFinished"],
    "Online": ["AnnounceStarted", "Publish", "AnnounceFinished"],
    "Tables": ["AnnounceStarted", "Refresh", "AnnounceFinished"],
}
# The branches of `Fits`.
JUDGED = [
    "Prepare",
    "Train",
    "Package",
    "CreateModel",
    "WhoScores",
    "ScoreHoldoutInFunction",
    "TryFunction",
    "ScoreHoldout",
    "Scored",
]
FINAL = [
    "PrepareFinal",
    "TrainFinal",
    "PackageFinal",
    "CreateFinalModel",
    "WhoScoresFinal",
    "ScoreFinalInFunction",
    "TryFunctionFinal",
    "ScoreFinal",
    "ScoredFinal",
]
REPLICA = [
    "PrepareAgain",
    "TrainAgain",
    "PackageAgain",
    "CreateAgainModel",
    "WhoScoresAgain",
    "ScoreAgainInFunction",
    "TryFunctionAgain",
    "ScoreAgain",
    "ScoredAgain",
]
FURTHER = [
    "PrepareFurther",
    "TrainFurther",
    "PackageFurther",
    "CreateFurtherModel",
    "WhoScoresFurther",
    "ScoreFurtherInFunction",
    "TryFunctionFurther",
    "ScoreFurther",
    "ScoredFurther",
]
# What follows a job that did not end well.
ATTEMPTS = [
    "Attend",
    "WhichWay",
    "LookAgain",
    "AnnounceNoCapacity",
    "AwaitCapacity",
    "AnnounceAnotherTry",
    "BeginAttempt",
    "TakeResult",
]
JOBS = {
    "Training": {
        "BuildDataset",
        "Tune",
        "Train",
        "CreateModel",
        "ScoreHoldout",
        "TrainFinal",
        "CreateFinalModel",
        "ScoreFinal",
        "TrainAgain",
        "CreateAgainModel",
        "ScoreAgain",
        "TrainFurther",
        "CreateFurtherModel",
        "ScoreFurther",
    },
    "Scoring": {"BuildDataset", "Score"},
}
SAGEMAKER = (
    "sagemaker:createTrainingJob.sync",
    "sagemaker:createHyperParameterTuningJob.sync",
    "sagemaker:createTransformJob.sync",
    "sagemaker:createModel",
)
# Of each state that starts a job: the suffix of what follows it, and of its variables.
SCOPES = dict.fromkeys(JUDGED, "Judged") | dict.fromkeys(FINAL, "Final") | dict.fromkeys(REPLICA, "Replica")
SCOPES |= dict.fromkeys(FURTHER, "Further")
NAMES = sorted(ORDER)
STARTED = "2026-11-22T10:00:00.123Z"


@pytest.fixture(scope="session")
def machines(each_assembly: Assembly) -> dict[str, Definition]:
    return definitions(each_assembly)


@pytest.fixture(params=NAMES)
def machine(request: pytest.FixtureRequest, machines: dict[str, Definition]) -> Definition:
    return machines[request.param]


def test_there_are_exactly_these_machines(machines: dict[str, Definition]) -> None:
    assert sorted(machines) == NAMES


def test_states_stand_in_the_declared_order(machine: Definition) -> None:
    assert list(machine.document["States"]) == [*ORDER[machine.name], *(ATTEMPTS if machine.name in JOBS else [])]
    assert machine.document["StartAt"] == ORDER[machine.name][0]


def test_the_fits_run_side_by_side(machines: dict[str, Definition]) -> None:
    fits = machines["Training"].states["Fits"]
    judged, final, replica, further = fits["Branches"]
    assert list(judged["States"]) == [*JUDGED, *(f"{name}Judged" for name in ATTEMPTS)]
    assert list(final["States"]) == ["Refit", "NotRefitted", *FINAL, *(f"{name}Final" for name in ATTEMPTS)]
    repeated = ["Replicate", "NotReplicated", *REPLICA, *(f"{name}Replica" for name in ATTEMPTS)]
    assert list(replica["States"]) == repeated
    assert list(further["States"]) == ["Further", "EachFurther", "NotFurther"]
    each = further["States"]["EachFurther"]
    assert list(each["ItemProcessor"]["States"]) == [*FURTHER, *(f"{name}Further" for name in ATTEMPTS)]
    starts = [branch["StartAt"] for branch in fits["Branches"]]
    assert (starts, fits["Next"]) == (["Prepare", "Refit", "Replicate", "Further"], "Evaluate")


def test_further_fits_run_a_few_at_once_and_only_where_they_are_declared(machines: dict[str, Definition]) -> None:
    states = machines["Training"].states
    for context, state in (
        ({}, "NotFurther"),
        ({"further": []}, "NotFurther"),
        ({"further": ["noise"]}, "EachFurther"),
    ):
        assert chosen(states["Further"], {"context": context})[0] == state
    assert 1 <= states["EachFurther"]["MaxConcurrency"] <= 4
    for names in (["fold-1"], ["fold-1", "fold-2", "noise"]):
        assert evaluate(states["EachFurther"]["Items"], variables={"context": {"further": names}}) == names
    prepared, packaged = states["PrepareFurther"], states["PackageFurther"]
    assert evaluate(prepared["Arguments"]["Payload"]["phase"], input="fold-2") == "fold-2"
    fit = evaluate(prepared["Assign"]["fit"], input="fold-2")
    assert evaluate(packaged["Arguments"]["Payload"]["phase"], variables={"fit": fit}) == "fold-2"


def test_two_further_fits_that_wait_for_capacity_tell_of_it_under_names_of_their_own(
    machines: dict[str, Definition],
) -> None:
    (entry,) = machines["Training"].states["AnnounceNoCapacityFurther"]["Arguments"]["Entries"]
    context = {"Execution": {"Name": "run"}}
    attempt = {"number": 1, "waits": 1}
    ids = {
        evaluate(entry["Detail"]["id"], variables={"fit": fit, "attemptFurther": attempt}, context=context)
        for fit in ("fold-1", "fold-2")
    }
    assert len(ids) == 2


def test_a_run_waits_for_two_starts_of_sagemaker_jobs_one_after_the_other(machines: dict[str, Definition]) -> None:
    """Each start takes minutes in an account, whatever the job does then. A function that scores spares the second."""
    training = without_search(machines["Training"].document)
    assert starts_on_the_way(machines["Training"].document, "AnnounceStarted", "Review") == 3
    assert starts_on_the_way(training, "AnnounceStarted", "Review") == 2
    in_function = copy.deepcopy(training)
    for scope in scopes(in_function):
        for name in ("WhoScores", "WhoScoresFinal", "WhoScoresAgain", "WhoScoresFurther"):
            if name in scope["States"]:
                chosen_by = scope["States"][name]
                chosen_by["Default"] = chosen_by.pop("Choices")[-1]["Next"]
    assert starts_on_the_way(in_function, "AnnounceStarted", "Review") == 1


def without_search(document: dict[str, Any]) -> dict[str, Any]:
    """As for a line that declares no search."""
    plain = copy.deepcopy(document)
    plain["States"]["Searches"]["Choices"] = []
    return plain


def starts_on_the_way(scope: Mapping[str, Any], start: str, end: str | None = None) -> int:
    """Jobs that start one after the other, at most, on a way on which none is started twice."""

    def longest(name: str | None, passed: frozenset[str]) -> int:
        if name is None or name == end or name in passed:
            return 0
        state = scope["States"][name]
        within = [starts_on_the_way(branch, branch["StartAt"]) for branch in branches_of(state)]
        own = max(within, default=int("sagemaker" in state.get("Resource", "") and ".sync" in state["Resource"]))
        ways = [choice["Next"] for choice in state.get("Choices", [])] + [state.get("Next"), state.get("Default")]
        return own + max(longest(way, passed | {name}) for way in ways)

    return longest(start, frozenset())


def test_an_execution_fails_at_the_state_that_can_be_run_again(machine: Definition) -> None:
    """A redrive enters a Fail state again, and fails again; of a state that was caught it knows nothing."""
    branched = {"Training": {"Parallel", "Map", "Succeed"}, "Scoring": {"Map"}}.get(machine.name, set())
    assert {state["Type"] for state in machine.states.values()} <= {"Task", "Choice", "Wait", *branched}
    caught = {
        name: state["Catch"]
        for name, state in machine.states.items()
        # A wait for a review ends with a reminder, or with a judgement that came in between: see the test below.
        if "Catch" in state and not name.startswith(("TryFunction", "Review"))
    }
    assert set(caught) == JOBS.get(machine.name, set())
    for name, (catcher,) in caught.items():
        child = name == "BuildDataset"
        error = "StepFunctions.ExecutionAlreadyExistsException" if child else "States.TaskFailed"
        assert (catcher["ErrorEquals"], catcher["Next"]) == ([error], f"Attend{SCOPES.get(name, '')}"), name
        choices = {"ScoreHoldout": "WhoScores", "Score": "WhoScores"}
        choices |= {f"Score{suffix}": f"WhoScores{suffix}" for suffix in ("Final", "Again", "Further")}
        choice = choices.get(name, name)
        before = [state for state in machine.states.values() if state.get("Next") == choice]
        assert {state["Assign"][f"attempt{SCOPES.get(name, '')}"]["state"] for state in before} == {name}


TRIES = {
    "Training": {
        ("WhoScores", "ScoreHoldoutInFunction", "TryFunction", "ScoreHoldout"),
        ("WhoScoresFinal", "ScoreFinalInFunction", "TryFunctionFinal", "ScoreFinal"),
        ("WhoScoresAgain", "ScoreAgainInFunction", "TryFunctionAgain", "ScoreAgain"),
        ("WhoScoresFurther", "ScoreFurtherInFunction", "TryFunctionFurther", "ScoreFurther"),
    },
    "Scoring": {("WhoScores", "ScoreInFunction", "TryFunction", "Score")},
}


@pytest.mark.parametrize("name", TRIES)
def test_a_transform_job_scores_where_the_function_failed_unless_the_request_forced_it(
    machines: dict[str, Definition], name: str
) -> None:
    """A function has fewer packages, less time and less memory than a container."""
    states = machines[name].states
    for choice, forced, tried, by_job in TRIES[name]:
        for asked, planned, state in (
            ("function", "function", forced),
            ("auto", "function", tried),
            ("auto", "transform", by_job),
            ("transform", "transform", by_job),
        ):
            known = {"context": {"scored_by": asked}, "prepared": {"scored_by": planned}}
            assert chosen(states[choice], known)[0] == state
        (catcher,) = states[tried]["Catch"]
        assert (catcher["ErrorEquals"], catcher["Next"]) == (["States.TaskFailed", "States.Timeout"], by_job)
        assert "Catch" not in states[forced]
        assert {**states[tried], "Catch": 0} == {**states[forced], "Catch": 0}


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ({"Error": "JobFailed", "Cause": "No module named 'pandas'"}, "JobFailed: No module named 'pandas'"),
        ({"Error": "JobFailed", "Cause": "m" * 9999}, f"JobFailed: {'m' * 400}"),
        ({"Error": "States.Timeout"}, "States.Timeout"),
    ],
)
def test_the_output_says_that_the_function_failed_and_why(
    machines: dict[str, Definition], error: dict[str, str], why: str
) -> None:
    planned = {"scored_by": "function", "scored_by_because": "it is small", "job_name": "t-1"}
    told = {"scored_by": "transform", "scored_by_because": f"the function failed with {why}"}
    for name in TRIES:
        (catcher,) = machines[name].states["TryFunction"]["Catch"]
        found = evaluate(catcher["Assign"], variables={"prepared": planned}, errorOutput=error)
        assert found == {"prepared": {**planned, **told}}
    result = [{"packaged": {}, **told}, {}, {}]
    assert evaluate(machines["Training"].states["Fits"]["Assign"]["scored"], result=result) == {
        "judged": told,
        "final": {},
    }


def test_definitions_obey_the_language(machine: Definition) -> None:
    assert problems(machine.document) == []


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda states: states["Begin"].update(Next="Nowhere"), "Begin: Nowhere does not exist"),
        (lambda states: states["Approved"].pop("Default"), "Approved: a choice needs choices and a default"),
        (lambda states: states["Begin"].update(Next="Conclude"), "Fits: is not reachable"),
        (lambda states: branch(states).update(StartAt="Package"), "Prepare: is not reachable"),
        (lambda states: branch(states)["States"].update(Begin=states["Begin"]), "Begin: is the name of 2 states"),
        (
            lambda states: branch(states)["States"]["Package"].update(Next="Evaluate"),
            "Package: Evaluate does not exist",
        ),
        (
            lambda states: branch(states)["States"]["Package"]["Assign"].update(dataset=1),
            "Prepare: its branch assigns $dataset of the machine around it",
        ),
        (lambda states: states["Fits"].pop("Assign"), "Review: reads $delivered"),
        (lambda states: states["Begin"].update(End=True), "Begin: needs either Next or End"),
        (lambda states: states["Begin"].update(ResultPath="$.x"), "Begin: ResultPath is of JSONPath"),
        (lambda states: states["Begin"].update(Output="{% $states. %}"), "Begin: '{% $states. %}' is not JSONata"),
        (lambda states: states["Begin"].update(Output="{% 1 "), "Begin: '{% 1 ' is half an expression"),
        (lambda states: states["Begin"].pop("Assign"), "BuildDataset: reads $context"),
        (lambda states: branch(states)["States"]["Train"]["Assign"].clear(), "Package: reads $artifact"),
        (lambda states: states["BuildDataset"].pop("Assign"), "Prepare: reads $dataset"),
    ],
)
def test_the_check_of_definitions_finds_what_is_broken(
    machines: dict[str, Definition], damage: Callable[[dict[str, Any]], object], expected: str
) -> None:
    broken = copy.deepcopy(machines["Training"].document)
    damage(broken["States"])
    assert [problem for problem in problems(broken) if problem.startswith(expected)]


def branch(states: dict[str, Any]) -> dict[str, Any]:
    """The judged fit."""
    found: dict[str, Any] = states["Fits"]["Branches"][0]
    return found


def test_every_task_has_a_time_limit_and_retries_with_backoff(machine: Definition) -> None:
    for name, state in machine.tasks().items():
        limit = state["TimeoutSeconds"]
        assert isinstance(limit, str) or 0 < limit <= 14 * 24 * 3600, name
        assert state["Retry"], name
        for retrier in state["Retry"]:
            assert retrier["BackoffRate"] > 1
            assert retrier["MaxAttempts"] >= 3
            assert retrier["MaxDelaySeconds"] <= 600
            assert retrier["JitterStrategy"] == "FULL"


def test_errors_that_repeating_cannot_mend_are_not_retried(machine: Definition) -> None:
    own = {name for name, value in vars(errors).items() if isinstance(value, type)}
    for name, state in machine.tasks().items():
        retried = {error for retrier in state["Retry"] for error in retrier["ErrorEquals"]}
        assert not retried & own, name
        # These two mean any error: only what is harmless to repeat may be repeated whatever happened.
        if retried & {"States.ALL", "States.TaskFailed"}:
            assert state["Resource"] == "arn:<AWS::Partition>:states:::events:putEvents", name


def test_functions_end_before_the_task_that_waits_for_them(each_assembly: Assembly) -> None:
    checked = 0
    for machine in each_assembly.of_type("AWS::StepFunctions::StateMachine"):
        name = re.sub(r"Machine.*", "", machine.id)
        for state in definitions(each_assembly)[name].tasks("lambda:invoke").values():
            function = called(each_assembly, machine.stack, state["Arguments"]["FunctionName"])
            assert function.properties["Timeout"] < state["TimeoutSeconds"], str(function)
            checked += 1
    assert checked == 46


def called(assembly: Assembly, stack: str, arn: str) -> Resource:
    """The function of an ARN that a definition of `stack` names: its own, or one of the features station."""
    of_features = re.search(r"FnGetAtt(\w+Function[0-9A-F]{8})Arn", arn)
    if of_features is None:
        return assembly.resource(stack, arn[1:].partition(".")[0])
    (found,) = (each for each in assembly.of_type("AWS::Lambda::Function") if each.id == of_features[1])
    return found


def test_a_machine_calls_exactly_the_functions_it_may_call(each_assembly: Assembly) -> None:
    from tests.synth.policies import identity_statements

    for machine in each_assembly.of_type("AWS::StepFunctions::StateMachine"):
        name = re.sub(r"Machine.*", "", machine.id)
        tasks = definitions(each_assembly)[name].tasks("lambda:invoke", "lambda:invoke.waitForTaskToken")
        called = {state["Arguments"]["FunctionName"] for state in tasks.values()}
        role = machine.properties["RoleArn"]["Fn::GetAtt"][0]
        allowed = {
            resource
            for each in identity_statements(each_assembly)
            if each.owner.stack == machine.stack
            and {"Ref": role} in each.owner.properties.get("Roles", [])
            and "lambda:InvokeFunction" in each.actions
            for resource in each.resources
        }
        assert allowed == called, name


def test_sagemaker_tasks_are_isolated_encrypted_and_tagged(machines: dict[str, Definition]) -> None:
    tasks = {f"{name}/{task}": state for name in NAMES for task, state in machines[name].tasks(*SAGEMAKER).items()}
    judged = {"Training/Train", "Training/CreateModel", "Training/ScoreHoldout"}
    final = {"Training/TrainFinal", "Training/CreateFinalModel", "Training/ScoreFinal"}
    replica = {"Training/TrainAgain", "Training/CreateAgainModel", "Training/ScoreAgain"}
    further = {"Training/TrainFurther", "Training/CreateFurtherModel", "Training/ScoreFurther"}
    assert set(tasks) == {"Training/Tune", *judged, *final, *replica, *further, "Scoring/Score"}
    for name, state in tasks.items():
        arguments = state["Arguments"]
        assert [tag["Key"] for tag in arguments["Tags"]] == [
            "assembly-line:environment",
            "assembly-line:line",
            "assembly-line:run",
        ]
        # Of a search, the definition of its trials.
        arguments = arguments.get("TrainingJobDefinition", arguments)
        if "Transform" not in state["Resource"]:
            assert arguments["EnableNetworkIsolation"] is True, name
        if state["Resource"].endswith(".sync"):
            output = arguments.get("OutputDataConfig") or arguments["TransformOutput"]
            resources = arguments.get("ResourceConfig") or arguments["TransformResources"]
            assert "DataKey" in output["KmsKeyId"], name
            assert re.search(r"'VolumeKmsKeyId': '.*DataKey.*'", resources), name
            limit = "timeout_seconds" if "Transform" in state["Resource"] else "longest_seconds"
            assert limit in state["TimeoutSeconds"], name


@pytest.mark.parametrize("local_storage", [False, True])
def test_a_type_with_local_storage_gets_no_key_for_a_volume(
    machines: dict[str, Definition], *, local_storage: bool
) -> None:
    prepared = {
        "instance_type": "ml.g5.xlarge",
        "transform_instance_type": "ml.g5.xlarge",
        "instance_count": 2,
        "volume_gib": 10,
        "local_storage": local_storage,
        "transform_local_storage": local_storage,
    }
    tasks = (("Training", "Train"), ("Training", "Tune"), ("Training", "ScoreHoldout"), ("Scoring", "Score"))
    for machine, task in tasks:
        arguments = machines[machine].states[task]["Arguments"]
        arguments = arguments.get("TrainingJobDefinition", arguments)
        expected = {"InstanceCount": 1, "InstanceType": "ml.g5.xlarge"}
        if "Score" not in task:
            expected |= {"InstanceCount": 2, "VolumeSizeInGB": 10}
        found = evaluate(
            arguments.get("ResourceConfig") or arguments["TransformResources"],
            variables={"prepared": prepared, "search": prepared},
        )
        assert ("DataKey" in found.pop("VolumeKmsKeyId", "")) is not local_storage
        assert found == expected


def test_the_training_script_comes_by_a_channel_and_not_from_the_network(machines: dict[str, Definition]) -> None:
    arguments = machines["Training"].states["Train"]["Arguments"]
    channels = {each["ChannelName"]: each["DataSource"]["S3DataSource"] for each in arguments["InputDataConfig"]}
    assert set(channels) == {TRAIN_CHANNEL, CODE_CHANNEL}
    assert channels[CODE_CHANNEL]["S3Uri"] == "{% $prepared.code_uri %}"
    submitted = json.loads(script_mode({}, "train.py")["sagemaker_submit_directory"])
    assert submitted == CONTAINER_CODE == f"/opt/ml/input/data/{CODE_CHANNEL}"
    assert arguments["StoppingCondition"] == "{% $prepared.stopping %}"


def test_trials_read_their_own_channels_and_share_no_checkpoint(machines: dict[str, Definition]) -> None:
    states = machines["Training"].states
    defined = states["Tune"]["Arguments"]["TrainingJobDefinition"]
    channels = {each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"] for each in defined["InputDataConfig"]}
    assert channels == {
        "train": "{% $search.train_uri %}",
        "validation": "{% $search.validation_uri %}",
        "code": "{% $search.code_uri %}",
    }
    assert "CheckpointConfig" not in defined
    assert states["Train"]["Arguments"]["CheckpointConfig"] == {
        "S3Uri": "{% $prepared.checkpoint_uri %}",
        "LocalPath": "/opt/ml/checkpoints",
    }
    assert states["Train"]["Arguments"]["Environment"] == {"SM_CHECKPOINT_DIR": "/opt/ml/checkpoints"}


def test_a_run_searches_only_where_it_is_to(machines: dict[str, Definition]) -> None:
    states = machines["Training"].states
    # A run that an earlier version began knows of no search.
    for context, state in (({"search": ["max_depth"]}, "PrepareTrials"), ({"search": []}, "Fits"), ({}, "Fits")):
        assert chosen(states["Searches"], {"context": context})[0] == state
    payload = {"job_name": "restock-0123456789ab-1"}
    first = evaluate(states["PrepareTrials"]["Assign"]["attempt"], result={"Payload": payload})
    assert Attempt.from_json(first) == Attempt(state="Tune", kind="tuning", name="restock-0123456789ab-1")
    assert (states["Tune"]["Next"], states["TakeBest"]["Next"]) == ("TakeBest", "Fits")
    assert states["TakeBest"]["Assign"] == {"context": "{% $states.result.Payload %}"}


def test_scores_come_back_beside_the_id_of_their_decision(machines: dict[str, Definition]) -> None:
    for name, task in (("Training", "ScoreHoldout"), ("Training", "ScoreFinal"), ("Scoring", "Score")):
        arguments = machines[name].states[task]["Arguments"]
        assert arguments["DataProcessing"] == {
            "InputFilter": "$[1:]",
            "JoinSource": "Input",
            "OutputFilter": "{% $prepared.output_filter %}",
        }
        assert arguments["TransformInput"]["SplitType"] == arguments["TransformOutput"]["AssembleWith"] == "Line"
        assert arguments["TransformInput"]["ContentType"] == arguments["TransformOutput"]["Accept"] == "text/csv"


def test_the_training_machine_reads_only_fields_that_its_steps_return(machines: dict[str, Definition]) -> None:
    answers = {
        "context": RunContext,
        "search": PreparedSearch,
        "prepared": PreparedJob,
        "packaged": PackagedModel,
        "evaluated": EvaluatedModel,
    }
    read = {
        pair for text in expressions(machines["Training"].states) for pair in re.findall(r"\$([a-z]+)\.([a-z_]+)", text)
    }
    for variable, answer in answers.items():
        known = {field.name for field in fields(answer)}
        used = {name for owner, name in read if owner == variable}
        assert used
        assert used <= known, variable


def test_the_final_fit_repeats_the_judged_one_under_its_own_phase(machines: dict[str, Definition]) -> None:
    states = machines["Training"].states
    for judged, final in (
        ("Prepare", "PrepareFinal"),
        ("Train", "TrainFinal"),
        ("Package", "PackageFinal"),
        ("CreateModel", "CreateFinalModel"),
        ("ScoreHoldoutInFunction", "ScoreFinalInFunction"),
        ("ScoreHoldout", "ScoreFinal"),
        ("Evaluate", "Register"),
    ):
        texts = (json.dumps(states[judged]).replace("Judged", ""), json.dumps(states[final]).replace("Final", ""))
        first, second = map(json.loads, texts)
        for state in (first, second):
            state.get("Assign", {}).get("attempt", {}).pop("state", None)
        phases = [state["Arguments"].get("Payload", {}).pop("phase", None) for state in (first, second)]
        of_training = "Lambda" in str(first["Retry"]) and "InFunction" not in judged
        assert phases == (["judged", "final"] if of_training else [None, None]), final
        assert {**first, "Next": ""} == {**second, "Next": ""}, final


def test_a_run_that_misses_a_limit_is_sent_back_before_anything_is_registered(
    machines: dict[str, Definition],
) -> None:
    states = machines["Training"].states
    assert states["Evaluate"]["Next"] == "Passed"
    # Executions that an earlier version evaluated know of no limits.
    for evaluated, state in (
        ({"blocked": ["Too bad."]}, "DidNotPass"),
        ({"blocked": []}, "Refitted"),
        ({}, "Refitted"),
    ):
        assert chosen(states["Passed"], {"evaluated": evaluated})[0] == state
    repeating = {"context": {"replicates": "another-run"}}
    assert chosen(states["Passed"], {"evaluated": {"blocked": []}, **repeating})[0] == "AnnounceFinished"
    assert chosen(states["Passed"], {"evaluated": {"blocked": ["Not."]}, **repeating})[0] == "DidNotPass"
    assert states["DidNotPass"]["Next"] == "AnnounceSentBack"
    assert states["AnnounceSentBack"].get("End") is True


def test_a_line_that_does_not_refit_goes_on_to_its_review(machines: dict[str, Definition]) -> None:
    states = machines["Training"].states
    for name, ways, told in (
        ("Refit", ("PrepareFinal", "NotRefitted"), "context"),
        ("Refitted", ("Register", "AnnounceWaiting"), "evaluated"),
    ):
        (refit,) = states[name]["Choices"]
        assert (refit["Next"], states[name]["Default"]) == ways
        for answer in (True, False):
            assert evaluate(refit["Condition"], variables={told: {"refit": answer}}) is answer


def test_the_final_fit_is_delivered_if_there_is_one(machines: dict[str, Definition]) -> None:
    states = machines["Training"].states
    packaged = {"digest": "of the judged"}, {"digest": "of the final"}
    prepared = {"scored_by": "function", "scored_by_because": "it is small"}
    outputs = [
        evaluate(states[name]["Output"], variables={"packaged": one, "prepared": prepared})
        for name, one in zip(("Scored", "ScoredFinal"), packaged, strict=True)
    ]
    for refit, result, delivered in (
        (True, outputs, {"packaged": packaged[1], **prepared}),
        (False, [outputs[0], evaluate(states["NotRefitted"]["Output"])], {"packaged": packaged[0], **prepared}),
    ):
        assign = states["Fits"]["Assign"]["delivered"]
        assert evaluate(assign, variables={"context": {"refit": refit}}, result=result) == delivered


def test_a_child_gets_the_request_alone_and_a_name_of_its_runs(machines: dict[str, Definition]) -> None:
    for name in ("Training", "Scoring"):
        arguments = machines[name].states["BuildDataset"]["Arguments"]
        assert arguments["Input"] == "{% $context.dataset_request %}"
        assert arguments["Name"] == "{% $attempt.name %}"
        first = machines[name].states["Begin"]["Assign"]["attempt"]
        for run in ("r-1", "x" * 80):
            named = Attempt.from_json(evaluate(first, context={"Execution": {"Name": run}}))
            assert named == Attempt(state="BuildDataset", kind="execution", name=child_run(run, 1))


def test_spark_gets_the_arguments_that_its_job_reads(machines: dict[str, Definition]) -> None:
    arguments = machines["Dataset"].states["BuildWithSpark"]["Arguments"]["Arguments"]
    assert set(arguments) == {f"--{argument}" for argument in GlueArgument}


def test_runs_of_a_glue_job_wait_for_each_other_within_the_hour_that_nobody_hears_of_it(
    machines: dict[str, Definition],
) -> None:
    for name, state in (("Dataset", "BuildWithSpark"), ("Tables", "Refresh")):
        _, full = machines[name].states[state]["Retry"]
        assert full["ErrorEquals"][0] == "Glue.ConcurrentRunsExceededException"
        waits = [min(full["IntervalSeconds"] * 2**n, full["MaxDelaySeconds"]) for n in range(full["MaxAttempts"])]
        # With full jitter half of it on average.
        assert 20 * 60 < sum(waits) / 2 < sum(waits) <= 3600 < machines[name].document["TimeoutSeconds"]


def test_only_a_dataset_for_a_type_of_model_gets_model_inputs(machines: dict[str, Definition]) -> None:
    choice = machines["Dataset"].states["WhichInputs"]
    (asked,) = choice["Choices"]
    assert (asked["Next"], choice["Default"]) == ("PrepareInputs", "AnnounceFinished")
    for model, expected in (({"type": "linear"}, True), (None, False)):
        assert evaluate(asked["Condition"], variables={"plan": {"model": model}}) is expected


def test_a_review_waits_two_weeks_for_a_token(machines: dict[str, Definition]) -> None:
    review = machines["Training"].states["Review"]
    assert review["Resource"].endswith("lambda:invoke.waitForTaskToken")
    assert review["Arguments"]["Payload"]["task_token"] == "{% $states.context.Task.Token %}"
    waits = {field.name: field.default_factory for field in fields(RunContext)}["review_waits"]
    assert callable(waits)
    seconds = evaluate(review["TimeoutSeconds"], variables={"context": {"review_waits": waits()}, "announced": 0})
    assert seconds == 14 * 24 * 3600
    assert machines["Training"].document["TimeoutSeconds"] > LONGEST.total_seconds() + seconds


def test_a_review_is_announced_at_its_times_and_then_waits_for_its_end(machines: dict[str, Definition]) -> None:
    states = machines["Training"].states
    context = {"review_waits": [3, 4, 7], "review_announces": ["reminder", "escalation"]}
    (way,) = states["Reminds"]["Choices"]
    walked: list[tuple[str, object]] = []
    announced = 0
    while not walked or walked[-1][0] != "Review":
        variables = {"context": context, "announced": announced}
        state = way["Next"] if evaluate(way["Condition"], variables=variables) else states["Reminds"]["Default"]
        walked.append((state, evaluate(states[state]["TimeoutSeconds"], variables=variables)))
        if state != "Review":
            over = states[state]["Catch"][0]
            assert (over["ErrorEquals"], over["Next"]) == (["States.Timeout"], "Remind")
            kind = evaluate(states["Remind"]["Arguments"]["Payload"]["kind"], variables=variables)
            walked.append(("Remind", kind))
            announced = evaluate(states["Remind"]["Assign"]["announced"], variables=variables)
    assert walked == [
        ("ReviewUntilReminder", 3),
        ("Remind", "reminder"),
        ("ReviewUntilReminder", 4),
        ("Remind", "escalation"),
        ("Review", 7),
    ]
    # The time-out of the last wait fails the execution there, so that it can go on there.
    assert [caught["ErrorEquals"] for caught in states["Review"]["Catch"]] == [["DecidedAlready"]]
    assert {"review", "announced"} <= set(states["Begin"]["Assign"])


def test_nothing_is_scored_where_nobody_is_decided_on(machines: dict[str, Definition]) -> None:
    scoring = machines["Scoring"].states
    (empty,) = scoring["AnyDecisions"]["Choices"]
    assert empty["Next"] == "AnnounceFinished"
    assert evaluate(empty["Condition"], variables={"dataset": {"rows": 0}}) is True
    assert evaluate(empty["Condition"], variables={"dataset": {"rows": 1}}) is False
    output = evaluate(
        scoring["AnnounceFinished"]["Output"],
        variables={
            "context": {"run_id": "r", "line": "l"},
            "dataset": {"dataset_id": "d"},
            "report": scoring["Begin"]["Assign"]["report"],
        },
    )
    assert (output["run_id"], output["offered"], output["delivered"]) == ("r", 0, 0)


def test_a_large_outbox_is_sent_by_a_map_of_its_shards_and_a_small_one_without(
    machines: dict[str, Definition], each_assembly: Assembly
) -> None:
    scoring = machines["Scoring"].states
    pointers = [{"channel": "sns", "number": number} for number in range(2)]
    for alone, state in ((True, "Deliver"), (False, "DeliverShards")):
        assert chosen(scoring["InOneCall"], {"published": {"in_one_call": alone}})[0] == state
    shards = scoring["DeliverShards"]
    assert evaluate(shards["Items"], variables={"published": {"shards": pointers}}) == pointers
    item = {"Map": {"Item": {"Index": 1, "Value": pointers[1]}}}
    given = evaluate(shards["ItemSelector"], variables={"context": {"run_id": "r"}}, context=item)
    assert given == {"context": {"run_id": "r"}, "shard": pointers[1]}
    assert evaluate(scoring["DeliverShard"]["Arguments"]["Payload"], input=given) == given
    # All outputs together are one state's.
    assert evaluate(scoring["DeliverShard"]["Output"]) == evaluate(shards["Output"]) == {}
    assert shards["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert (shards["ToleratedFailurePercentage"], shards["ToleratedFailureCount"]) == (5, 5)
    # The functions share what the topics take evenly.
    (deliver,) = [
        function.properties["Environment"]["Variables"]
        for function in each_assembly.of_type("AWS::Lambda::Function")
        if function.properties.get("Handler") == "lambdas.scoring.handler.deliver"
    ]
    assert str(shards["MaxConcurrency"]) == deliver["PUBLISHERS"]
    assert int(deliver["PUBLISHERS"]) * 500 >= int(deliver["TOPIC_MESSAGES_PER_SECOND"])
    for report, state in (({"waits": True, "because": "x"}, "AwaitDelivery"), ({"offered": 1}, "AnnounceFinished")):
        assert chosen(scoring["Delivered"], {"report": report})[0] == state
    assert scoring["AwaitDelivery"]["Next"] == "InOneCall"
    assert scoring["Deliver"]["Arguments"]["Payload"]["may_wait"] is True
    retried = [error for retrier in scoring["DeliverShard"]["Retry"] for error in retrier["ErrorEquals"]]
    assert {"Runtime.ExitError", "Sandbox.Timedout", "States.Timeout"} <= set(retried)
    assert "States.ALL" not in retried


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"line": "coupon_redemption"}, "coupon_redemption"),
        ({}, "unknown"),
        ({"line": ""}, "unknown"),
        ({"line": 7}, "unknown"),
        ({"line": ["a"]}, "unknown"),
        ({"line": "x" * 300}, "x" * 200),
        ([1], "unknown"),
        ("text", "unknown"),
        (None, "unknown"),
    ],
)
def test_every_announcement_is_a_station_event_whatever_the_input(
    machine: Definition, given: object, line: str
) -> None:
    context = {"Execution": {"Name": "run-1-dataset", "StartTime": STARTED, "Input": given}}
    attempt = {"number": 2, "waits": 7}
    why = {"cause": "why" * 1000, "reason": "why" * 1000}
    variables: dict[str, Any] = {"context": {"author": "arn:x"}, "concluded": why, "fit": "fold-1"}
    variables |= {"reminded": {"says": why["cause"]}, "announced": 2.7}
    for scope in ("", *set(SCOPES.values())):
        variables |= {f"way{scope}": why, f"attempt{scope}": attempt}
    kinds: list[str] = []
    ids: list[str] = []
    for state in machine.tasks("events:putEvents").values():
        for entry in evaluate(state["Arguments"]["Entries"], variables=variables, context=context):
            detail = {**entry["Detail"], "environment": "e", "account": "0"}
            event = StationEvent.from_json(json.dumps(detail))
            kinds.append(event.kind)
            assert (event.line, event.item, event.attempt) == (line, "run-1", 1)
            ids.append(event.id)
            assert event.id.startswith(f"run-1-dataset:{event.station}:{event.kind}:1")
            assert event.cause is None or event.cause == ("why" * 1000)[:2000]
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", detail["at"])
            assert event.kind != "queued" or detail["at"] == "2026-11-22T10:00:00.123000Z"
    reviewed = ["waiting", "waiting", "sent_back"] if machine.name == "Training" else []
    held = ["waiting", "started"] * {"Training": 5, "Scoring": 1}.get(machine.name, 0)
    assert sorted(kinds) == sorted(["queued", "started", "finished", *reviewed, *held])
    assert len(set(ids)) == len(ids)
    assert [name for name in ids if name.endswith("2.7")] == [name for name in ids if name.count(":") == 4]


def test_a_redriven_execution_announces_another_attempt(machine: Definition) -> None:
    context = {"Execution": {"Name": "r", "StartTime": STARTED, "Input": {}, "RedriveCount": 2}}
    entry = evaluate(machine.states["AnnounceStarted"]["Arguments"]["Entries"], context=context)[0]
    assert (entry["Detail"]["attempt"], entry["Detail"]["id"].rpartition(":")[2]) == (3, "3")


def test_the_way_on_leads_back_to_the_state_of_the_attempt_or_past_it(machines: dict[str, Definition]) -> None:
    for name, jobs in JOBS.items():
        states = machines[name].states
        for job in jobs:
            scope = SCOPES.get(job, "")
            attempt = {"state": job, "name": "n-2", "number": 2, "waits": 0}
            variables = {f"attempt{scope}": attempt, f"way{scope}": {"result": "found"}}
            variables["packaged"] = {"transform_job_name": "t-1"}
            again, _ = chosen(states[f"BeginAttempt{scope}"], variables)
            assert again == job
            past, assigned = chosen(states[f"TakeResult{scope}"], variables)
            assert past == states[job]["Next"], job
            # What the job's own state would have left.
            assert set(assigned) == set(states[job].get("Assign", {})), job
            for variable, value in assigned.items():
                if variable == f"attempt{scope}":
                    assert value["name"] == "t-1"
                else:
                    assert value == "found"


def chosen(state: dict[str, Any], variables: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The next state, and what the choice assigns on the way to it."""
    for choice in state["Choices"]:
        if evaluate(choice["Condition"], variables=variables):
            return choice["Next"], evaluate(choice.get("Assign", {}), variables=variables)
    return state["Default"], evaluate(state.get("Assign", {}), variables=variables)


def test_what_was_caught_is_told_with_the_redrives_by_then(machines: dict[str, Definition]) -> None:
    (catcher,) = machines["Training"].states["Train"]["Catch"]
    error = {"Error": "States.TaskFailed", "Cause": "{}"}
    for execution, redrives in (({"Name": "r"}, 0), ({"Name": "r", "RedriveCount": 2}, 2)):
        found = evaluate(catcher["Assign"]["problemJudged"], errorOutput=error, context={"Execution": execution})
        assert Problem(**found) == Problem(error="States.TaskFailed", cause="{}", redrives=redrives)
