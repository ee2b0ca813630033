-- One row for each call that ended in the span of the month, at the earliest report of its end; who
-- began it may stand in any report of the call.
create or replace temp view units as
with calls as (
    select
        message_key as unit_key,
        min(occurred_at) filter (status = 'terminate') as counted_at,
        min(channel) as channel,
        min(sender_id) as sender_id,
        max(waba_id) as waba_id,
        max(contact_key) as contact_key,
        max(user_key) as user_key,
        max(case
            when prefix is not null then concat('2|', prefix, '|', country)
            when country is not null then concat('1||', country)
        end) as place,
        max(message_type) as message_type,
        max(duration_seconds) filter (status = 'terminate') as duration_seconds
    from events
    where
        direction = 'call'
        and occurred_at >= getvariable('start_at') - interval 31 days
        and occurred_at < getvariable('end_at')
    group by message_key
)
from calls
where counted_at >= getvariable('start_at');
