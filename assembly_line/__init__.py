"""The data science assembly line: the words in which a line is declared."""

import warnings

from assembly_line.faces import face

# A word's module is imported when the word is first asked for: commands and functions that declare nothing would spend
# most of their start on it. Old name -> new name; the old ones go with the next release.
RENAMED = {"attribute": "static", "deviation": "stddev", "fact": "slowly_changing", "own": "udf"}

_load, __dir__, __all__ = face(__name__)


def __getattr__(name: str) -> object:
    if name in RENAMED:
        said = f"assembly_line.{name} is now assembly_line.{RENAMED[name]}; the next release drops the old name"
        warnings.warn(said, DeprecationWarning, stacklevel=2)
        return _load(RENAMED[name])
    return _load(name)
