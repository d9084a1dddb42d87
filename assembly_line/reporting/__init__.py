"""What a line decided and what came of it, for people: figures, and pages of them. Only `service` uses stores."""

from assembly_line.faces import face

__getattr__, __dir__, __all__ = face(__name__)
