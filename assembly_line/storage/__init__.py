"""The only runtime code that calls AWS: one module a store."""

from assembly_line.faces import face

__getattr__, __dir__, __all__ = face(__name__)
