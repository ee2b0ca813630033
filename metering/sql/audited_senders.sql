-- One row for each account and sender of its deliveries, with the stretch in which the log should hold
-- what users wrote to it or called it about: the month, and the seven days before.
create or replace temp table counted_senders as
with months as (
    select
        account_id,
        min(start_at) - interval 7 days as heard_from_at,
        max(end_at) as heard_to_at
    from stretches
    group by account_id
)
select
    account_id,
    sender_id,
    max(waba_id) as waba_id,
    any_value(heard_from_at) as heard_from_at,
    any_value(heard_to_at) as heard_to_at
from counted
join months using (account_id)
group by account_id, sender_id;

-- The same, and whether it does. Without these the windows of the sender are not known.
create or replace temp table audited_senders as
with heard as (
    select distinct counted_senders.account_id, counted_senders.sender_id
    from events
    join counted_senders
        on counted_senders.sender_id = events.sender_id
        and events.occurred_at >= counted_senders.heard_from_at
        and events.occurred_at < counted_senders.heard_to_at
    where events.direction in ('inbound', 'call')
)
select
    counted_senders.account_id,
    counted_senders.sender_id,
    counted_senders.waba_id,
    heard.sender_id is not null as is_audited
from counted_senders
left join heard using (account_id, sender_id);
