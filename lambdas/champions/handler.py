"""The only writer of the table of champions: a run decides because of a review, or again because of a rollback.

Whoever asks is believed neither about the review nor about the run that decides now: both are read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, assert_never

from aws_lambda_powertools import Logger

from assembly_line.environments import ChampionsEnvironment
from assembly_line.training import Cause, Champion, Restoration, let_decide, let_decide_again
from lambdas.account import account_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="champions")
account = partial(account_of, ChampionsEnvironment)


@logger.inject_lambda_context
def handle(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Let a run decide for a line.

    Args:
        event: `cause`, `line` and `principal`; of a review also the `champion` that the run would be, of a rollback the
            `run_id`, the run that it `replaces`, and the `reason`.
    """
    cause, line, principal = Cause(event["cause"]), event["line"], event["principal"]
    answer: dict[str, Any]
    match cause:
        case Cause.REVIEW:
            champion = Champion.from_json(event["champion"])
            run_id = champion.run_id
            answer = {"champion": let_decide(account(), line, champion, principal=principal)}
        case Cause.ROLLBACK:
            wanted = Restoration(by=principal, reason=event["reason"], replaced=event["replaces"])
            run_id = event["run_id"]
            answer = {"champion": let_decide_again(account(), line, run_id, wanted).to_json()}
        case _:
            assert_never(cause)
    logger.info("champion asked for", extra={"line": line, "run_id": run_id, "cause": cause, "principal": principal})
    return answer
