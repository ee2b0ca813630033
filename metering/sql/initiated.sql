-- One row for each message in the span of the month that the business began: delivered outside a
-- service window, of a category that only templates have, or of none that is known.
create or replace temp view units as
select
    deliveries.message_key as unit_key,
    deliveries.sender_id,
    deliveries.waba_id,
    null::varchar as prefix,
    null::varchar as country,
    deliveries.delivered_at as counted_at,
    deliveries.first_at as instant,
    deliveries.contact_key,
    deliveries.user_key,
    coalesce(deliveries.pricing.category, send_log.category) as category
from deliveries
left join send_log on send_log.id_key = deliveries.id_key
where
    deliveries.delivered_at >= getvariable('start_at')
    and deliveries.delivered_at < getvariable('end_at')
    and deliveries.channel = 'whatsapp'
    and not deliveries.is_echo
    and not deliveries.in_service_window
    and not list_contains(
        getvariable('answer_categories'),
        coalesce(deliveries.pricing.category, send_log.category, 'unknown')
    );
