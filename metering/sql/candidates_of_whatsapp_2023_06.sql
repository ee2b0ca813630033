-- One row for each delivery that opens a conversation of its category unless one of it is open.
create or replace temp table candidates as
select
    sender_id,
    peer_key,
    category,
    message_key as opening_key,
    instant as opened_at,
    instant + to_seconds(length_at('whatsapp-2023-06', instant)) as closes_at,
    epoch_at,
    position,
    dense_rank() over (order by sender_id, peer_key, epoch_at, category) as group_no,
    row_number() over (order by sender_id, peer_key, epoch_at, category, position) as candidate_no
from conversing
where not in_free_entry_point and category != 'service';
