-- One row for each delivery of the contacts that were written to since an instant, in the order of
-- time: what conversations are cut from.
create or replace temp table named_conversing as
select
    message_key,
    sender_id,
    waba_id,
    contact_key,
    user_key,
    group_key,
    delivered_at as instant,
    pricing.category as category,
    in_service_window,
    in_free_entry_point
from deliveries
where delivered_at < getvariable('until') and not is_echo;
