-- One row for each consent, with the keys of its contact. It holds for a sender, for all senders of an
-- account, or, where neither is named, for all; where its subject or its contact is nobody's, for none.
create or replace temp table consents as
with subjects as (
    select sender_id as subject, sender_id, null as account_id
    from (select sender_id from deliveries union select sender_id from owners where sender_id is not null)
    union all
    select account_id as subject, null as sender_id, account_id
    from known_accounts
    where account_id not in (select sender_id from deliveries)
),
told as (
    select
        occurred_at as instant,
        ends_with(type, 'consent.opted_in') as is_in,
        subject,
        coalesce(data ->> '$.contact', data ->> '$.phone', data ->> '$.user_id') as name
    from cloud_events
    where ends_with(type, 'consent.opted_in') or ends_with(type, 'consent.opted_out')
)
select
    told.instant,
    told.is_in,
    subjects.sender_id,
    subjects.account_id,
    list_filter(
        [try_cast(regexp_extract(name, '^contact:(\d+)$', 1) as uhugeint)], lambda key: key is not null
    ) as keys,
    told.subject is null or subjects.subject is not null as is_of_someone
from told
left join subjects using (subject)
union all
select
    occurred_at as instant,
    status = 'opted_in' as is_in,
    sender_id,
    null as account_id,
    list_filter([contact_key, user_key], lambda key: key is not null) as keys,
    true as is_of_someone
from events
where direction = 'consent' and status in ('opted_in', 'opted_out');
