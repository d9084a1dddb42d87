"""What others may import of this package."""

from .folder import KINDS as KINDS
from .folder import new_line as new_line
from .folder import new_repository as new_repository
