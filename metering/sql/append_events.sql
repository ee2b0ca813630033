-- The staged events that are no duplicates join the store.
insert into events
select
    arrivals.load_id,
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
    error_code,
    referral_source,
    referral_key
from staged
join arrivals using (file_no)
where
    aside is null
    and staged.rowid not in (select staged_row from judged where is_duplicate);
