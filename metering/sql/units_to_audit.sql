-- One row for each delivery in the span of the month, with what the two opinions of it go by.
create or replace temp view units as
select
    deliveries.message_key as unit_key,
    deliveries.sender_id,
    deliveries.waba_id,
    nullif(split_part(deliveries.place, '|', 2), '') as prefix,
    nullif(split_part(deliveries.place, '|', 3), '') as country,
    deliveries.delivered_at as counted_at,
    deliveries.pricing.category as network_category,
    deliveries.pricing.pricing_type as network_type,
    deliveries.pricing.pricing_model as network_model,
    deliveries.conversation.conversation_key as conversation_key,
    deliveries.in_service_window,
    deliveries.in_free_entry_point,
    category_of(deliveries.pricing.category, send_log.category) as our_category
from deliveries
left join send_log on send_log.id_key = deliveries.id_key
where
    deliveries.delivered_at >= getvariable('start_at')
    and deliveries.delivered_at < getvariable('end_at')
    and deliveries.channel = 'whatsapp'
    and not deliveries.is_echo;
