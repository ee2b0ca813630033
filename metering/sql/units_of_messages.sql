-- One row for each delivery and each report of a message from a user in the span of the month. What
-- the network itself says in a system message comes from nobody.
create or replace temp view units as
select
    message_key as unit_key,
    delivered_at as counted_at,
    channel,
    sender_id,
    waba_id,
    contact_key,
    user_key,
    place,
    'delivered' as status
from deliveries
where
    delivered_at >= getvariable('start_at')
    and delivered_at < getvariable('end_at')
    and not is_echo
union all
select
    message_key as unit_key,
    occurred_at as counted_at,
    channel,
    sender_id,
    waba_id,
    contact_key,
    user_key,
    case
        when prefix is not null then concat('2|', prefix, '|', country)
        when country is not null then concat('1||', country)
    end as place,
    'received' as status
from events
where
    direction = 'inbound'
    and message_type is distinct from 'system'
    and occurred_at >= getvariable('start_at')
    and occurred_at < getvariable('end_at');
