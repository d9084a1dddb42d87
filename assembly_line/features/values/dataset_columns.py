"""The columns that every dataset has, whatever its line declares."""

DECISION_ID = "decision_id"
DECISION_TIME = "decision_time"
