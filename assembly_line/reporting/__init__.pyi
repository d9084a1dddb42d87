"""What others may import of this package."""

from .service.report import Report as Report
from .service.report import report as report
