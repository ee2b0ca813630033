-- One row for each staged event whose key is repeated: is it the same report, or another one?
create or replace temp macro content_of(t) as {
    direction: t.direction,
    message_type: t.message_type,
    occurred_at: t.occurred_at,
    channel: t.channel,
    sender_id: t.sender_id,
    waba_id: t.waba_id,
    contact_key: t.contact_key,
    user_key: t.user_key,
    country: t.country,
    prefix: t.prefix,
    group_key: t.group_key,
    conversation_key: t.conversation_key,
    conversation_origin: t.conversation_origin,
    conversation_expires_at: t.conversation_expires_at,
    pricing_model: t.pricing_model,
    pricing_type: t.pricing_type,
    pricing_subtype: t.pricing_subtype,
    category: t.category,
    billable: t.billable,
    reported_cost: t.reported_cost,
    error_code: t.error_code,
    referral_source: t.referral_source,
    referral_key: t.referral_key,
    linked_key: t.linked_key,
    duration_seconds: t.duration_seconds,
    data: t.data
};

create or replace temp table judged as
with arrived as (
    select
        staged.rowid as staged_row,
        file_no,
        message_key,
        status,
        content_of(staged) as content
    from staged
    semi join repeated using (message_key, status)
),
stored as (
    select distinct
        message_key,
        status,
        content_of(events) as content
    from events
    semi join repeated using (message_key, status)
),
ranked as (
    select
        *,
        row_number() over (partition by message_key, status, content order by file_no, staged_row) as copy_no,
        dense_rank() over (partition by message_key, status order by content) as content_no
    from arrived
)
select
    ranked.staged_row,
    ranked.file_no,
    ranked.copy_no > 1 or stored.content is not null as is_duplicate,
    exists (
        select 1
        from stored as known
        where known.message_key = ranked.message_key and known.status = ranked.status
    ) or ranked.content_no > 1 as is_reported_again
from ranked
left join stored using (message_key, status, content);
