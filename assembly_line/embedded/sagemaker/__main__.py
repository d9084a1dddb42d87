"""Starts the SageMaker process: `python -m assembly_line.embedded.sagemaker`, set up by its environment alone."""

from __future__ import annotations

import contextlib
import os
import sys

from assembly_line.embedded.sagemaker.settings import SageMakerSettings
from assembly_line.errors import AssemblyError


def main() -> int:
    try:
        settings = SageMakerSettings.from_process()
        # moto reads both when it is imported; other origins in a browser have no business with this port.
        os.environ["MOTO_ACCOUNT_ID"] = settings.account
        os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"
        from assembly_line.embedded.sagemaker.server import serve

        return serve(settings)
    except AssemblyError as error:
        sys.stderr.write(f"sagemaker: {error}\n")
        return 1


if __name__ == "__main__":
    status = main()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    # All is written and every job has ended; taking moto's modules apart would only cost the stop another second.
    os._exit(status)
