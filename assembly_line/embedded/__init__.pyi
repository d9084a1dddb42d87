"""What others may import of this package."""

from .assembling import assemble as assemble
from .assembling import sources_digest as sources_digest
from .definition_validation import judged_definitions as judged_definitions
from .deployment import Deployment as Deployment
from .deployment import cdk_command as cdk_command
from .deployment import deploy as deploy
from .emulator_limitations import limitations as limitations
from .emulator_limitations import templates_of as templates_of
from .glue.spark import RUNTIME as RUNTIME
from .glue.spark import environment as environment
from .image_steps import judged_installations as judged_installations
from .runtime import ACCESS_KEY as ACCESS_KEY
from .runtime import REGION as REGION
from .runtime import SECRET_KEY as SECRET_KEY
from .runtime import Runtime as Runtime
from .state_folder import StateFolder as StateFolder
from .state_folder import moved_aside as moved_aside
from .state_snapshots import restore as restore
from .state_snapshots import snapshot as snapshot
from .state_snapshots import snapshots as snapshots
from .supervisor import require_nothing_at_work as require_nothing_at_work
from .supervisor import require_place_for_state as require_place_for_state
from .supervisor import running as running
from .supervisor import start as start
from .supervisor import status as status
from .supervisor import stop as stop
