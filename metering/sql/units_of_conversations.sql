-- One row for each conversation that the network named, at its opening delivery: an id means a
-- conversation under conversation-based pricing or in a free entry point. A conversation that was
-- opened before the month is not opened in it, so older deliveries are looked at too.
create or replace temp view units as
with members as (
    select
        *,
        row_number() over (
            partition by conversation.conversation_key order by delivered_at, message_key
        ) as member_no
    from deliveries
    where
        delivered_at >= getvariable('start_at') - interval 31 days
        and delivered_at < getvariable('end_at')
        and not is_echo
        and conversation.conversation_key is not null
        and (pricing.pricing_model = 'CBP' or pricing.pricing_type = 'free_entry_point')
)
select
    message_key as unit_key,
    delivered_at as counted_at,
    channel,
    sender_id,
    waba_id,
    id_key,
    place,
    pricing.category as category,
    pricing.pricing_model as pricing_model,
    pricing.pricing_type as pricing_type,
    in_service_window,
    in_free_entry_point,
    entry_point
from members
where member_no = 1 and delivered_at >= getvariable('start_at');
