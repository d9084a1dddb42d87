"""What others may import of this package."""

from .measuring import measured_effects as measured_effects
from .stack_changes import stack_changes as stack_changes
