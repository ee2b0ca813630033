-- One row for each account and sender of its deliveries: whether the log holds what users wrote to
-- it or called it about, in the month or the seven days before. Without these its windows are not known.
create or replace temp table audited_senders as
with counted_senders as (
    select account_id, sender_id, max(waba_id) as waba_id
    from counted
    group by account_id, sender_id
),
months as (
    select account_id, min(start_at) as start_at, max(end_at) as end_at
    from stretches
    group by account_id
),
heard as (
    select distinct counted_senders.account_id, counted_senders.sender_id
    from events
    join counted_senders on counted_senders.sender_id = events.sender_id
    join months on months.account_id = counted_senders.account_id
    where
        events.direction in ('inbound', 'call')
        and events.occurred_at >= months.start_at - interval 7 days
        and events.occurred_at < months.end_at
)
select
    counted_senders.*,
    heard.sender_id is not null as is_audited
from counted_senders
left join heard using (account_id, sender_id);
