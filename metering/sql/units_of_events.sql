-- One row for each event of a direction in the span of the month, at its earliest report. Reports of
-- an event may lie apart by days, so older ones are looked at too.
create or replace temp view units as
with reported as (
    select
        message_key,
        status,
        min(occurred_at) as counted_at,
        min(channel) as channel,
        min(sender_id) as sender_id,
        max(waba_id) as waba_id,
        max(contact_key) as contact_key,
        max(user_key) as user_key,
        max(case
            when prefix is not null then concat('2|', prefix, '|', country)
            when country is not null then concat('1||', country)
        end) as place,
        max(category) as category,
        max(message_type) as message_type,
        max(error_code) as error_code
    from events
    where
        direction = getvariable('direction')
        and occurred_at >= getvariable('start_at') - interval 31 days
        and occurred_at < getvariable('end_at')
    group by message_key, status
)
select message_key as unit_key, * exclude (message_key)
from reported
where counted_at >= getvariable('start_at');
