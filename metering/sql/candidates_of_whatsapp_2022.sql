-- One row for each delivery that opens a conversation unless one is open.
create or replace temp table candidates as
select
    sender_id,
    peer_key,
    case when in_service_window then 'user_initiated' else 'business_initiated' end as category,
    message_key as opening_key,
    instant as opened_at,
    instant + to_seconds(length_at('whatsapp-2022', instant)) as closes_at,
    epoch_at,
    position,
    dense_rank() over (order by sender_id, peer_key, epoch_at) as group_no,
    row_number() over (order by sender_id, peer_key, epoch_at, position) as candidate_no
from conversing
where not in_free_entry_point;
