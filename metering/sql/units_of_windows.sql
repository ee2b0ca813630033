-- One row for each conversation of a rule whose opening delivery lies in the span of the month, with
-- the facts of that delivery. A rule that knows kinds of conversations says the category; the
-- network's word for a free entry point is a type of charge.
create or replace temp view units as
select
    deliveries.message_key as unit_key,
    deliveries.delivered_at as counted_at,
    deliveries.channel,
    deliveries.sender_id,
    deliveries.waba_id,
    deliveries.id_key,
    deliveries.place,
    case
        when opened.category = 'free_entry_point' then deliveries.pricing.category
        else coalesce(opened.category, deliveries.pricing.category)
    end as category,
    deliveries.pricing.pricing_model as pricing_model,
    case
        when opened.category = 'free_entry_point' then 'free_entry_point'
        else deliveries.pricing.pricing_type
    end as pricing_type,
    deliveries.in_service_window,
    deliveries.in_free_entry_point,
    deliveries.entry_point
from conversation_windows as opened
join deliveries
    on deliveries.message_key = opened.opening_key
where
    deliveries.delivered_at >= getvariable('start_at')
    and deliveries.delivered_at < getvariable('end_at');
