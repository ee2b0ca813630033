-- One row for each key that units of a message may have. The key of a message of a group holds its
-- participant, which only its deliveries know.
create or replace temp table message_keys as
with known as (
    select distinct
        channel,
        sender_id,
        case
            when direction = 'call' then 'call'
            when direction = 'inbound' or (direction = 'history' and status = 'received') then 'inbound'
            else 'outbound'
        end as way,
        case when way = 'inbound' then message_type end as part
    from events
    where
        occurred_at >= getvariable('start_at')
        and occurred_at < getvariable('end_at')
        and sender_id is not null
)
select message_key_of(channel, way, sender_id, $message_id, part) as unit_key
from known
union
select message_key
from deliveries
where id_key = key_of('message', $message_id)
union
select key_of('message', $message_id);
