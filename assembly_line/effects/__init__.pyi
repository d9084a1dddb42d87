"""What others may import of this package."""

from .measuring import measured_effects as measured_effects
from .synthesized import stack_changes as stack_changes
