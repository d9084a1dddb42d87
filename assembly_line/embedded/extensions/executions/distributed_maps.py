"""Distributed maps in JSONata, whose Items, ItemSelector, Output and Assign the stock emulator ignores.

Behaviour: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html. The executions of the items
know no variable of the machine around them.
"""

from __future__ import annotations

import copy
from typing import Any

from assembly_line.embedded.extensions.pinned import ministack, replace

Document = dict[str, Any]
# What this module does in place of the stock emulator.
OURS = frozenset({"Items", "ItemSelector", "Output", "Assign"})


def install() -> None:
    states = ministack(
        "services.stepfunctions", "_run_distributed_map", "_state_query_language", "_jsonata_state_field",
        "_apply_jsonata_template", "_apply_jsonata_output", "_apply_state_assign",
    )  # fmt: skip
    stock = states._run_distributed_map

    def run(state: Document, raw_input: Any, effective: Any, *rest: Any) -> tuple[Any, Any]:
        iterator, execution, context = rest
        if states._state_query_language(state, context) != "JSONata":
            answer: tuple[Any, Any] = stock(state, raw_input, effective, *rest)
            return answer
        items = states._jsonata_state_field(state, "Items", "array", raw_input, context)
        given = [
            states._apply_jsonata_template(state["ItemSelector"], raw_input, _in_item(context, number, item))
            if "ItemSelector" in state
            else item
            for number, item in enumerate(items)
        ]
        plain = {field: value for field, value in state.items() if field not in OURS}
        plain |= {"QueryLanguage": "JSONPath", "ItemsPath": "$"}
        outside = {**context, "variables": {}}
        results, following = stock(plain, given, given, iterator, execution, outside)
        output = states._apply_jsonata_output(state, raw_input, context, result=results, default=results)
        states._apply_state_assign(state, raw_input, context, result=results)
        return output, following

    replace(states, "_run_distributed_map", run)


def _in_item(context: Document, number: int, item: Any) -> Document:
    """The context object of an item."""
    return {**copy.deepcopy(context), "Map": {"Item": {"Index": number, "Value": item}}}
