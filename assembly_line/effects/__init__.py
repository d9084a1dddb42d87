"""What a changed line would do: to a dataset, to the figures of its model, and to the stacks. Nothing is deployed."""

from assembly_line.faces import face

__getattr__, __dir__, __all__ = face(__name__)
