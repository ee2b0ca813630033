-- One row for each CloudEvent that says where a contact came from before writing: by a link or a
-- website, which the network does not tell.
create or replace temp view entries as
select
    event_key,
    coalesce(json_extract_string(data, '$.sender_id'), subject) as sender_id,
    try_cast(
        regexp_extract(json_extract_string(data, '$.contact'), '^contact:([0-9]+)$', 1) as uhugeint
    ) as contact_key,
    occurred_at as instant,
    json_extract_string(data, '$.entry_point') as entry_point
from cloud_events
where ends_with(type, 'conversation.entered') and json_valid(data);
