-- One row for each message that failed in the span of the month and was never delivered.
create or replace temp view units as
select
    message_key as unit_key,
    failed_at as counted_at,
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
    in_service_window,
    in_free_entry_point,
    entry_point,
    'failed' as status,
    error_code
from deliveries
where
    failed_at >= getvariable('start_at')
    and failed_at < getvariable('end_at')
    and delivered_at is null
    and not is_echo;
