"""The ledger as tables: columns, the join in SQL, compacted days and the tail. Only `service` uses stores."""

from assembly_line.faces import face

__getattr__, __dir__, __all__ = face(__name__)
