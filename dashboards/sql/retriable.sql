-- One row for each refused row that can be tried again, of a reason or of all.
select quarantine_id
from quarantine
where can_be_retried(format, raw) and ($reason is null or reason = $reason)
order by quarantine_id
