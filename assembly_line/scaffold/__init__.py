"""Starts a line: a complete folder that works at once, on data that it makes itself."""

from assembly_line.faces import face

__getattr__, __dir__, __all__ = face(__name__)
