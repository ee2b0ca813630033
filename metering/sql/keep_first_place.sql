-- A row that is refused again keeps the place that it was first found at.
update quarantine
set
    quarantine_id = retried.quarantine_id,
    name = retried.name,
    line = retried.line,
    position = retried.position
from retried
where quarantine.load_id = $load_id and quarantine.line = retried.ordinal;
