"""Station 2: inputs, evaluation, archive and review of a training run. Only `service` uses stores."""

from assembly_line.faces import face

__getattr__, __dir__, __all__ = face(__name__)
