"""AWS on one machine: starting it, deploying into it, executing its training, transform and Glue jobs."""

from assembly_line.faces import face

__getattr__, __dir__, __all__ = face(__name__)
