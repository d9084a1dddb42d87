"""Station 4: the ledger's history joined, outcomes, performance. Rules on plain values; only `service` uses stores."""

from assembly_line.faces import face

__getattr__, __dir__, __all__ = face(__name__)
