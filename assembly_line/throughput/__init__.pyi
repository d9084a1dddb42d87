"""What others may import of this package."""

from .board import KindMeasure as KindMeasure
from .board import LineBoard as LineBoard
from .board import OpenItem as OpenItem
from .board import StationMeasure as StationMeasure
from .board import boards as boards
from .board import to_json as to_json
from .envelopes import station_event as station_event
from .recorded import RecordedEvent as RecordedEvent
from .service.board import boards_of as boards_of
from .service.executions import find as find
from .service.open_work import OpenWork as OpenWork
from .service.open_work import open_work as open_work
from .service.overview import overview as overview
from .service.run_story import story as story
from .station_visits import visits as visits
from .stopped import Place as Place
from .work_items import items as items
