-- One row for each sender, and clock where it is not so for all, of which the log has what users did: an
-- inbound message or a call in the month of the clock, or in the seven days before. Nearly all are
-- heard in the part of the month that all clocks share.
create or replace temp table months as
select clock, min(start_at) as start_at, max(end_at) as end_at
from stretches
group by clock;

create or replace temp table heard_senders as
select distinct sender_id, null::varchar as clock
from events
where
    direction in ('inbound', 'call')
    and occurred_at >= (select max(start_at) from months) - interval 7 days
    and occurred_at < (select min(end_at) from months)
    and sender_id is not null;

insert into heard_senders
select distinct events.sender_id, months.clock
from events
join months
    on events.occurred_at >= months.start_at - interval 7 days
    and events.occurred_at < months.end_at
where
    events.direction in ('inbound', 'call')
    and events.occurred_at >= (select min(start_at) from months) - interval 7 days
    and events.occurred_at < (select max(end_at) from months)
    and events.sender_id not in (select sender_id from heard_senders);
