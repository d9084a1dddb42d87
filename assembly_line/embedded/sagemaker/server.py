"""The SageMaker process: moto's control plane on a loopback port, the workers beside it, a clean end at SIGTERM."""

from __future__ import annotations

import contextlib
import logging
import shutil
import signal
import socket
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from assembly_line.embedded.sagemaker import moto_patches, registry_calls
from assembly_line.embedded.sagemaker.gate import gate
from assembly_line.embedded.sagemaker.jobs import isolation
from assembly_line.embedded.sagemaker.jobs.job_board import JobBoard
from assembly_line.embedded.sagemaker.jobs.job_calls import JobCalls
from assembly_line.embedded.sagemaker.registry_state import RegistryState
from assembly_line.embedded.sagemaker.rehearsals import Rehearsals
from assembly_line.embedded.sagemaker.settings import SageMakerSettings
from assembly_line.embedded.sagemaker.tuning.tuning_calls import TuningCalls
from assembly_line.errors import EmbeddedAwsError

HOST = "127.0.0.1"
# Together with writing the state this stays below the five seconds that the supervisor may expect.
CLOSE_SECONDS = 3.0


def serve(settings: SageMakerSettings) -> int:
    """Run until SIGTERM or SIGINT. Returns the process's exit status: 1 if the registry could not be written.

    Raises:
        EmbeddedAwsError: the port is taken, moto is not as expected, or the registry's file is not readable.
    """
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    moto_patches.check()
    listener = _listen(settings.port)
    strongest = isolation.strongest()
    rehearsals = Rehearsals()
    board = JobBoard(settings, strongest, rehearsals)
    state = RegistryState(settings.state, moto_patches.backends(), settings.account)
    lock = threading.RLock()

    def save() -> bool:
        with lock:
            return _save(state)

    calls, searches = JobCalls(board, lock, save), TuningCalls(board, lock, save)
    for backend in state.load():
        if (failed := calls.fail_what_ran(backend) + searches.fail_what_ran(backend)) > 0:
            _say(f"{failed} job(s) were running when the last process ended; they are Failed now")
    # Left by a process that was killed; nothing reads them again.
    shutil.rmtree(settings.trees, ignore_errors=True)
    operations = calls.operations() | searches.operations() | registry_calls.operations()
    moto_patches.install(operations, lock=lock, save=save)
    board.start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    ready = {"status": "ready", "isolation": strongest.value if strongest else "impossible"}
    application = gate(DomainDispatcherApplication(create_backend_app), ready, rehearsals)
    server = make_server(
        HOST, settings.port, application, threaded=True, request_handler=MotoRequestHandler, fd=listener.fileno()
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    _say(f"ready on http://{HOST}:{listener.getsockname()[1]}; network isolation of jobs: {ready['isolation']}")
    stopped.wait()
    server.shutdown()
    board.close(CLOSE_SECONDS)
    return 0 if save() else 1


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        raise EmbeddedAwsError(
            f"SAGEMAKER_PORT={port}: cannot listen on {HOST}: {error.strerror}; choose a free port"
        ) from error


def _save(state: RegistryState) -> bool:
    try:
        state.save()
    except OSError as error:
        _say(f"the registry could not be written to {state.path}: {error}; it is tried again at the next change")
        return False
    return True


def _say(text: str) -> None:
    # The log may lie on the file system that is full, which is then just what has to be said.
    with contextlib.suppress(OSError):
        sys.stdout.write(f"sagemaker: {text}\n")
        sys.stdout.flush()
