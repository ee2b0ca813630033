-- One row for each kind of item that is ignored by name, or reason for quarantine: how many.
with asides as (
    select aside from staged where aside is not null
)
select 'ignored' as outcome, 'smb_message_echoes' as name, sum(aside.echo_count)::bigint as item_count
from asides
union all
select 'ignored', 'calls', sum(aside.call_count)::bigint
from asides
union all
select 'ignored', 'value errors', sum(aside.error_count)::bigint
from asides
union all
select 'ignored', 'history', sum(aside.history_count)::bigint
from asides
union all
select 'ignored', aside.ignored, count(*)
from asides
where aside.ignored is not null
group by all
union all
select 'quarantined', aside.reason, count(*)
from asides
where aside.reason is not null
group by all
order by 1, 2;
