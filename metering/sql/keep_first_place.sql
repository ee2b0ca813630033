-- A row that is refused again keeps the place that it was first found at, and its id and text if it
-- did not turn out to hold several rows.
create or replace temp table kept as
select
    quarantine.rowid as quarantine_row,
    retried.*,
    count(*) over (partition by retried.ordinal) as row_count,
    row_number() over (partition by retried.ordinal order by quarantine.quarantine_id) as row_no,
    row_number() over (order by retried.ordinal, quarantine.quarantine_id)
    + (
        select greatest(
            (select coalesce(max(quarantine_id), 0) from quarantine),
            (select max(quarantine_id) from retried)
        )
    ) as new_id
from quarantine
join retried on quarantine.line = retried.ordinal
where quarantine.load_id = $load_id;

update quarantine
set
    quarantine_id = case when kept.row_no = 1 then kept.quarantine_id else kept.new_id end,
    name = kept.name,
    line = kept.line,
    position = kept.position,
    sender_id = coalesce(quarantine.sender_id, kept.sender_id),
    raw = case when kept.row_count = 1 then kept.raw else quarantine.raw end
from kept
where quarantine.rowid = kept.quarantine_row;
