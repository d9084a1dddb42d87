"""How long slow steps may take on this machine; a slow or busy one may be given more time."""

from __future__ import annotations

import os

from assembly_line.errors import EmbeddedAwsError

SYNTHESIS = "LINE_SYNTH_SECONDS"
DEPLOYMENT = "LINE_DEPLOY_SECONDS"
DEFAULTS = {SYNTHESIS: 300, DEPLOYMENT: 600}


def patience(variable: str) -> int:
    """Seconds, of the process variable or its default.

    Raises:
        EmbeddedAwsError: it is no whole number above 0.
    """
    said = os.environ.get(variable)
    if not said:
        return DEFAULTS[variable]
    if not (said.isascii() and said.isdigit() and int(said) > 0):
        raise EmbeddedAwsError(f"{variable} {said!r}: expected a whole number of seconds above 0")
    return int(said)
