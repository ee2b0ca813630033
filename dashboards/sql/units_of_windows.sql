-- One row for each window that opened in the span of the month, with the first delivery inside it.
create or replace temp view units as
with owners_of_senders as (
    select sender_id, max(waba_id) as waba_id
    from deliveries
    group by sender_id
),
peers as (
    select sender_id, coalesce(group_key, contact) as peer_key, instant
    from resolved_answers
)
select
    windows.opening_key as unit_key,
    windows.sender_id,
    owners_of_senders.waba_id,
    null::varchar as prefix,
    null::varchar as country,
    windows.opened_at as counted_at,
    windows.rule,
    windows.entry_point,
    windows.closes_at - windows.opened_at as length,
    case when peers.instant < windows.closes_at then peers.instant - windows.opened_at end as answered_after
from windows
left join owners_of_senders using (sender_id)
asof left join peers
    on peers.sender_id = windows.sender_id
    and peers.peer_key = windows.peer_key
    and peers.instant >= windows.opened_at
where windows.opened_at >= getvariable('start_at') and windows.opened_at < getvariable('end_at')
