-- One row for each quarter of an hour, sender, place and category: messages that were first reported
-- in it, and how far they came up to 31 days after the month. Every zone is a whole number of
-- quarters from UTC.
create or replace temp view units as
with read_messages as (
    select distinct message_key
    from events
    where
        direction = 'outbound'
        and status in ('read', 'played')
        and occurred_at >= getvariable('start_at')
        and occurred_at < getvariable('end_at') + interval 31 days
)
select
    0::uhugeint as unit_key,
    deliveries.sender_id,
    deliveries.waba_id,
    nullif(split_part(deliveries.place, '|', 2), '') as prefix,
    nullif(split_part(deliveries.place, '|', 3), '') as country,
    deliveries.pricing.category as category,
    time_bucket(interval 15 minutes, deliveries.first_at) as counted_at,
    count(*) as sent,
    count(deliveries.delivered_at) as delivered,
    count(read_messages.message_key) as read,
    count(*) filter (where deliveries.delivered_at is null and deliveries.failed_at is not null) as failed
from deliveries
left join read_messages using (message_key)
where
    deliveries.first_at >= getvariable('start_at')
    and deliveries.first_at < getvariable('end_at')
    and not deliveries.is_echo
group by all
