-- The conversations of a seller's own rule with their first delivery, which says their month, account,
-- market and category; one without any has nothing that could be charged.
create or replace temp table conversation_windows as
select
    arg_min(scoped.sender_id, (scoped.instant, scoped.message_key)) as sender_id,
    opened.peer_key,
    arg_min(scoped.category, (scoped.instant, scoped.message_key)) as category,
    opened.opened_at,
    opened.closes_at,
    arg_min(scoped.message_key, (scoped.instant, scoped.message_key)) as opening_key
from opened
join (from scoped where is_delivery) as scoped
    on scoped.scope = opened.scope
    and scoped.peer_key = opened.peer_key
    and scoped.part is not distinct from opened.part
    and scoped.instant >= opened.opened_at
    and scoped.instant < opened.closes_at
group by opened.candidate_no, opened.peer_key, opened.opened_at, opened.closes_at;
