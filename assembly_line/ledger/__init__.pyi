"""What others may import of this package."""

from .columns import COLUMNS as COLUMNS
from .session import LedgerSession as LedgerSession
