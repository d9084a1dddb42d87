"""Glue jobs on one machine: the job's own script is run, with Glue's arguments, against the emulator."""

from __future__ import annotations

from assembly_line.embedded.glue.runner import GlueOutcome, run_job

__all__ = ["GlueOutcome", "run_job"]
