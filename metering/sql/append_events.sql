-- Duplicates leave the staged events; the others join the store.
delete from staged
where rowid in (select staged_row from judged where is_duplicate);

insert into events by name
select
    getvariable('load_ids')[file_no] as load_id,
    message_key,
    direction,
    status,
    message_type,
    occurred_at,
    channel,
    sender_id,
    waba_id,
    contact_key,
    user_key,
    country,
    prefix,
    group_key,
    conversation_key,
    conversation_origin,
    conversation_expires_at,
    pricing_model,
    pricing_type,
    pricing_subtype,
    category,
    billable,
    reported_cost,
    error_code,
    referral_source,
    referral_key,
    linked_key,
    duration_seconds,
    data
from staged;
