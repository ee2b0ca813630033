-- One row: when the latest event that the book knows of happened (UTC); null without events.
select max(occurred_at) as latest_event_at
from events
