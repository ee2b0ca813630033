-- One row for each reason that rows wait in quarantine for; no text of theirs.
select
    reason,
    count(*) as row_count
from quarantine
group by reason
order by row_count desc, reason
