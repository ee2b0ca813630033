-- One row for each refused row, the first that wait for a reason; with its text, to be masked.
select
    quarantine_id,
    load_id,
    name as file,
    line,
    position,
    sender_id,
    raw,
    can_be_retried(format, raw) as can_retry,
    quarantined_at
from quarantine
where reason = $reason
order by quarantine_id
limit $limit
