"""What others may import of this package."""

from .acceptance import UNDECLARED_ACTION as UNDECLARED_ACTION
from .acceptance import UNDECLARED_OUTCOME as UNDECLARED_OUTCOME
from .arrivals import Arrival as Arrival
from .arrivals import ledger_rows as ledger_rows
from .arrivals import read_arrival as read_arrival
from .history import DecisionHistory as DecisionHistory
from .history import History as History
from .in_force import Receiving as Receiving
from .maturity import OpenDecision as OpenDecision
from .maturity import Provenance as Provenance
from .maturity import open_decisions as open_decisions
from .maturity import outcome_rows as outcome_rows
from .performance import Performance as Performance
from .service.feedback_files import read_events as read_events
from .service.flagged import BACKFILLS as BACKFILLS
from .service.flagged import described as described
from .service.flagged import explained as explained
from .service.flagged import flagged_decisions as flagged_decisions
from .service.flagged import in_words as in_words
from .service.flagged import one_decision as one_decision
from .service.flagged import same_keys as same_keys
from .service.history import measured_performance as measured_performance
from .service.history import quarantined as quarantined
from .service.history import read_history as read_history
from .service.submitting import submitted as submitted
