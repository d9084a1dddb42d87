"""What others may import of this package."""

from .acceptance import UNDECLARED_ACTION as UNDECLARED_ACTION
from .acceptance import UNDECLARED_OUTCOME as UNDECLARED_OUTCOME
from .arrivals import Arrival as Arrival
from .arrivals import ledger_rows as ledger_rows
from .arrivals import read_arrival as read_arrival
from .history import DecisionHistory as DecisionHistory
from .in_force import Receiving as Receiving
from .maturity import OpenDecision as OpenDecision
from .maturity import Provenance as Provenance
from .maturity import open_decisions as open_decisions
from .maturity import outcome_rows as outcome_rows
from .maturity import why_immature as why_immature
from .maturity import with_keys_of as with_keys_of
from .performance import Performance as Performance
from .service import work_list as work_list
from .service.feedback_files import read_events as read_events
from .service.flagged import BACKFILLS as BACKFILLS
from .service.flagged import described as described
from .service.flagged import explained as explained
from .service.flagged import flagged_decisions as flagged_decisions
from .service.flagged import in_words as in_words
from .service.flagged import one_decision as one_decision
from .service.history import JudgedLine as JudgedLine
from .service.history import judged_line as judged_line
from .service.history import quarantined as quarantined
from .service.submitting import submitted as submitted
