"""What others may import of this package."""

from .service.dashboard import Dashboard as Dashboard
from .service.dashboard import dashboard as dashboard
from .service.report import Report as Report
from .service.report import report as report
from .service.watching import watched as watched
