"""What others may import of this package."""

from .judging import METRICS as METRICS
from .judging import auc as auc
from .judging import cluster_bootstrap as cluster_bootstrap
from .judging import difference as difference
from .judging import figures as figures
from .judging import intervals as intervals
from .judging import log_loss as log_loss
from .judging import rule_figure as rule_figure
