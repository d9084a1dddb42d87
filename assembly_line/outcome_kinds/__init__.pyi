"""What others may import of this package."""

from .kinds import DECISION_TIME as DECISION_TIME
from .kinds import ID_AND_LAST as ID_AND_LAST
from .kinds import ROUNDING as ROUNDING
from .kinds import Amount as Amount
from .kinds import Answer as Answer
from .kinds import Binary as Binary
from .kinds import Count as Count
from .kinds import Measure as Measure
from .kinds import Multiclass as Multiclass
from .kinds import OutcomeKind as OutcomeKind
from .kinds import Prior as Prior
from .kinds import Quantiles as Quantiles
from .kinds import Truth as Truth
from .kinds import Unusable as Unusable
from .kinds import Value as Value
from .kinds import places as places
from .kinds import quantile as quantile
from .kinds import shown as shown
from .kinds import stated as stated
from .structured import Forecast as Forecast
from .structured import Ranking as Ranking
from .structured import Survival as Survival
from .structured import incidence as incidence
from .table import KINDS as KINDS
from .table import MEASURES as MEASURES
from .table import kind_of as kind_of
