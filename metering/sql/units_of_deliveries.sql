-- One row for each delivery in the span of the month, over all zones. A message that the business
-- wrote on the phone is none.
create or replace temp view units as
select
    message_key as unit_key,
    delivered_at as counted_at,
    channel,
    sender_id,
    waba_id,
    contact_key,
    user_key,
    id_key,
    place,
    pricing.category as category,
    pricing.pricing_model as pricing_model,
    pricing.pricing_type as pricing_type,
    pricing.reported_cost as reported_cost,
    in_service_window,
    in_free_entry_point,
    entry_point,
    'delivered' as status
from deliveries
where
    delivered_at >= getvariable('start_at')
    and delivered_at < getvariable('end_at')
    and not is_echo;
