"""The measures of the line, from station events alone. Rules on plain values; only `service` uses stores."""

from assembly_line.faces import face

__getattr__, __dir__, __all__ = face(__name__)
