-- One row for each delivery in the span of the month, over all zones.
create or replace temp view units as
select
    message_key as unit_key,
    channel,
    sender_id,
    waba_id,
    nullif(split_part(place, '|', 2), '') as prefix,
    nullif(split_part(place, '|', 3), '') as country,
    delivered_at as counted_at,
    pricing.category as category,
    pricing.pricing_model as pricing_model,
    pricing.pricing_type as pricing_type,
    case
        when conversation.origin = 'referral_conversion' or pricing.pricing_type = 'free_entry_point'
            then 'free_entry_point'
        else 'none'
    end as entry_point
from deliveries
where
    delivered_at >= getvariable('start_at')
    and delivered_at < getvariable('end_at');
