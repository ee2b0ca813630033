-- The conversations that deliveries opened, and the free entry points, which close them.
create or replace temp table conversation_windows as
select
    opened.sender_id,
    opened.peer_key,
    opened.category,
    opened.opened_at,
    least(opened.closes_at, entry.opened_at) as closes_at,
    opened.opening_key
from opened
asof left join (from windows where rule = 'free_entry_point') as entry
    on entry.sender_id = opened.sender_id
    and entry.peer_key = opened.peer_key
    and opened.opened_at < entry.opened_at
union all
select sender_id, peer_key, 'free_entry_point', opened_at, closes_at, opening_key
from windows
where rule = 'free_entry_point' and opened_at < getvariable('until');
