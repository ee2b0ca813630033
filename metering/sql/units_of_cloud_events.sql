-- One row for each CloudEvent of the types asked for, up to the end of the month. An event that was
-- reported again says what its latest report says. It is about the account, sender or waba that is
-- its subject, else the account or sender that its data names.
create or replace temp table told as
select *
from cloud_events
where occurred_at < getvariable('end_at')
qualify row_number() over (
    partition by event_key
    order by occurred_at desc, type desc, subject desc nulls last, data desc nulls last
) = 1;

delete from told
where not list_contains(getvariable('types'), type);

-- One row for each sender that an event may be about, and its waba.
create or replace temp table known_senders as
with named as (
    select subject as name from told where subject is not null
    union
    select data ->> '$.sender_id' from told where data is not null
),
seen as (
    select sender_id, max(waba_id) as waba_id
    from deliveries
    where sender_id in (select name from named)
    group by sender_id
    union all
    select sender_id, null from owners where sender_id is not null
)
select sender_id, max(waba_id) as waba_id
from seen
group by sender_id;

create or replace temp view units as
with asked as (
    select
        told.*,
        nullif(data ->> '$.account_id', '') as data_account_id,
        nullif(data ->> '$.sender_id', '') as data_sender_id,
        subject in (select account_id from clocks) as is_account,
        subject in (select sender_id from known_senders) as is_sender,
        subject in (select waba_id from owners where waba_id is not null) as is_waba,
        data_account_id in (select account_id from clocks) as has_account
    from told
),
named as (
    select
        asked.*,
        case
            when is_account then subject
            when is_sender or is_waba then null
            when has_account then data_account_id
        end as account_named,
        case
            when is_account then null
            when is_sender then subject
            when is_waba or has_account then null
            else data_sender_id
        end as sender_id,
        case when is_waba and is_account is not true and is_sender is not true then subject end as own_waba_id
    from asked
)
select
    named.event_key as unit_key,
    named.occurred_at as counted_at,
    named.account_named,
    named.sender_id,
    coalesce(named.own_waba_id, known_senders.waba_id) as waba_id,
    named.type,
    named.subject,
    named.source,
    named.data
from named
left join known_senders
    on known_senders.sender_id = named.sender_id;
