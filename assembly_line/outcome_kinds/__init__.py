"""The kinds of outcomes: what a script learns, how it answers, how answers are judged, and what of them is delivered.

`KINDS` is the one table. Training, delivery, feedback and the documentation read it.
"""

from assembly_line.faces import face

__getattr__, __dir__, __all__ = face(__name__)
