-- The same with the contact or group, and how many deliveries came before. A free entry point closes
-- what is open: what comes after its opening is an epoch of its own.
create or replace temp table conversing as
with placed as (
    select *, coalesce(group_key, contact) as peer_key
    from resolved_conversing
    qualify bool_or(instant >= getvariable('since')) over (partition by sender_id, peer_key)
)
select
    placed.message_key,
    placed.sender_id,
    placed.waba_id,
    placed.peer_key,
    placed.instant,
    placed.category,
    placed.in_service_window,
    placed.in_free_entry_point,
    entry.opened_at as epoch_at,
    row_number() over (
        partition by placed.sender_id, placed.peer_key order by placed.instant, placed.message_key
    ) as position
from placed
asof left join (from windows where rule = 'free_entry_point') as entry
    on entry.sender_id = placed.sender_id
    and entry.peer_key = placed.peer_key
    and placed.instant >= entry.opened_at
where placed.peer_key is not null;
