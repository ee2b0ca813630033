-- One row for each message that opens a conversation of a seller's own rule unless one is open.
create or replace temp table candidates as
select
    scope,
    peer_key,
    part,
    message_key as opening_key,
    instant as opened_at,
    instant + to_hours(getvariable('rule_hours')) as closes_at,
    dense_rank() over (order by scope, peer_key, part) as group_no,
    row_number() over (order by scope, peer_key, part, instant, message_key) as candidate_no
from scoped
where
    peer_key is not null
    and case getvariable('rule_opener')
        when 'business' then is_delivery when 'user' then not is_delivery else true
    end;
