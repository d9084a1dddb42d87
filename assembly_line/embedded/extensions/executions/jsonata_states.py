"""JSONata in Parallel and Succeed states, whose Arguments, Output and Assign the stock emulator ignores."""

from __future__ import annotations

from typing import Any

from assembly_line.embedded.extensions.pinned import ministack, replace

State = dict[str, Any]


def install() -> None:
    states = ministack(
        "services.stepfunctions", "_state_query_language", "_apply_jsonata_arguments", "_apply_jsonata_output",
        "_apply_state_assign",
    )  # fmt: skip
    _parallel(states)
    _succeed(states)


def _parallel(states: Any) -> None:
    stock = ministack("services.stepfunctions", "_run_parallel_branches")._run_parallel_branches

    def run(state: State, raw_input: Any, execution: Any, context: State) -> tuple[Any, Any]:
        if states._state_query_language(state, context) != "JSONata":
            answer: tuple[Any, Any] = stock(state, raw_input, execution, context)
            return answer
        results, following = stock(
            state, states._apply_jsonata_arguments(state, raw_input, context), execution, context
        )
        output = states._apply_jsonata_output(state, raw_input, context, result=results, default=results)
        states._apply_state_assign(state, raw_input, context, result=results)
        return output, following

    replace(states, "_run_parallel_branches", run)


def _succeed(states: Any) -> None:
    stock = ministack("services.stepfunctions", "_apply_output_path")._apply_output_path

    def apply(state: State, data: Any, context: State | None = None) -> Any:
        if state.get("Type") == "Succeed" and states._state_query_language(state, context) == "JSONata":
            return states._apply_jsonata_output(state, data, context, default=data)
        return stock(state, data, context)

    replace(states, "_apply_output_path", apply)
