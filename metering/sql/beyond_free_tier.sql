-- One row for each service message that comes after the free tier of its sender and month: those
-- outside free entry points are counted in the order of (delivered at, message key).
create or replace temp table beyond_free_tier as
with tiers as (
    select distinct account_id, sender_id, tier_start_at, tier_end_at
    from rule_stretches
    where tier_start_at is not null
),
service as (
    select
        tiers.account_id,
        tiers.sender_id,
        tiers.tier_start_at,
        deliveries.message_key,
        deliveries.delivered_at
    from deliveries
    join tiers
        on tiers.sender_id = deliveries.sender_id
        and deliveries.delivered_at >= tiers.tier_start_at
        and deliveries.delivered_at < tiers.tier_end_at
    left join send_log on send_log.id_key = deliveries.id_key
    where
        deliveries.channel = 'whatsapp'
        and not deliveries.is_echo
        and not deliveries.in_free_entry_point
        and list_contains(
            getvariable('tier_categories'),
            category_of(deliveries.pricing.category, send_log.category)
        )
),
-- Most senders stay within the tier; only the others need an order.
crowded as (
    select account_id, sender_id, tier_start_at
    from service
    group by all
    having count(*) > getvariable('tier_units')
),
ordered as (
    select
        account_id,
        message_key,
        row_number() over (
            partition by account_id, sender_id, tier_start_at order by delivered_at, message_key
        ) as position
    from service
    semi join crowded using (account_id, sender_id, tier_start_at)
)
select account_id, message_key
from ordered
where position > getvariable('tier_units');
