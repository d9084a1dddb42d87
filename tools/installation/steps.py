"""One step of the installation, and how it knows that it was done: by the digest of what determines it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something to install once for each content of its inputs.

    A step that is interrupted, or whose inputs, settings or product changed, is not done: its stamp is removed before
    it runs and written after it succeeded.
    """

    stamp: Path
    product: Path  # exists after the step; a user who deletes it wants it again
    inputs: tuple[Path, ...]
    settings: tuple[str, ...] = ()  # what else determines the result, such as the folder
    run: Callable[[], None]

    def digest(self) -> str:
        """Digest of the settings and of the inputs' content; a missing input has a content of its own."""
        digest = hashlib.sha256()
        parts = [setting.encode() for setting in self.settings]
        parts += [path.read_bytes() if path.exists() else b"(missing)" for path in self.inputs]
        for part in parts:
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()

    def is_done(self) -> bool:
        """Whether the product is there and was made from exactly these inputs."""
        return self.product.exists() and self.stamp.exists() and self.stamp.read_text().strip() == self.digest()

    def ensure(self) -> None:
        """Run the step unless it is done."""
        if self.is_done():
            return
        self.stamp.unlink(missing_ok=True)
        self.run()
        self.stamp.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.stamp.with_name(self.stamp.name + ".new")
        unfinished.write_text(self.digest() + "\n")
        unfinished.replace(self.stamp)
