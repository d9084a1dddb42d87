"""What others may import of this package."""

from .folder import KINDS as KINDS
from .folder import new_line as new_line
