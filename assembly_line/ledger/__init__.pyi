"""What others may import of this package."""

from .columns import require_columns as require_columns
from .join_query import joined as joined
from .service.compacting import Compaction as Compaction
from .service.compacting import compact as compact
from .service.looking import compacted_now as compacted_now
from .service.looking import ledger_tables as ledger_tables
from .service.opening import JOINED as JOINED
from .service.opening import OpenLedger as OpenLedger
from .service.opening import opened as opened
from .service.opening import opened_decision as opened_decision
from .service.opening import opened_decisions as opened_decisions
from .service.opening import tallied as tallied
from .service.reconciling import reconcile as reconcile
from .service.viewing import publish_views as publish_views
from .session import DECISIONS as DECISIONS
from .session import LAST as LAST
from .session import LedgerSession as LedgerSession
from .state import Covered as Covered
from .state import LedgerState as LedgerState
from .state import Part as Part
from .state import TailFile as TailFile
from .views import JSON_FUNCTION as JSON_FUNCTION
from .views import View as View
from .views import views_of as views_of
