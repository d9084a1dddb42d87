"""How good answers are against what happened, and intervals that respect who the rows belong to."""

from assembly_line.faces import face

__getattr__, __dir__, __all__ = face(__name__)
