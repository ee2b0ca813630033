-- One row for each service delivery that opens a conversation unless one of service is open: such as
-- come when none of another category, which `opened` holds, is open.
create or replace temp table candidates as
with others as (
    select
        *,
        max(closes_at) over (
            partition by sender_id, peer_key, epoch_at order by position rows unbounded preceding
        ) as open_until
    from opened
),
alone as (
    select served.*
    from (from conversing where not in_free_entry_point and category = 'service') as served
    asof left join others
        on others.sender_id = served.sender_id
        and others.peer_key = served.peer_key
        and served.position > others.position
    -- One of an earlier epoch was closed by the free entry point.
    where
        others.open_until is null
        or served.instant >= others.open_until
        or others.epoch_at is distinct from served.epoch_at
)
select
    sender_id,
    peer_key,
    category,
    message_key as opening_key,
    instant as opened_at,
    instant + to_seconds(length_at('whatsapp-2023-06', instant)) as closes_at,
    epoch_at,
    position,
    dense_rank() over (order by sender_id, peer_key, epoch_at) as group_no,
    row_number() over (order by sender_id, peer_key, epoch_at, position) as candidate_no
from alone;
