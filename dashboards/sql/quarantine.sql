-- One row for each reason and format that rows wait in quarantine for; no text of theirs.
select
    reason,
    format,
    count(*) as row_count,
    count(raw) as text_count,
    count(distinct load_id) as load_count,
    count(distinct sender_id) as sender_count,
    min(quarantined_at) as first_at,
    max(quarantined_at) as last_at
from quarantine
group by reason, format
order by row_count desc, reason, format
