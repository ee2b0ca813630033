-- One row for each sender, and span where it is not so for all, of which the log has what users did: an
-- inbound message or a call in the month of a clock, or in the seven days before. Many clocks have
-- their month in one span of time, and nearly all senders are heard in the part that all spans share.
create or replace temp table months as
select
    clock,
    min(start_at) as start_at,
    max(end_at) as end_at,
    dense_rank() over (order by min(start_at), max(end_at)) as span
from stretches
group by clock;

create or replace temp table heard_senders as
select distinct sender_id, null::bigint as span
from events
where
    direction in ('inbound', 'call')
    and occurred_at >= (select max(start_at) from months) - interval 7 days
    and occurred_at < (select min(end_at) from months)
    and sender_id is not null;

insert into heard_senders
with spans as (select distinct span, start_at, end_at from months)
select distinct events.sender_id, spans.span
from events
join spans
    on events.occurred_at >= spans.start_at - interval 7 days
    and events.occurred_at < spans.end_at
where
    events.direction in ('inbound', 'call')
    and events.occurred_at >= (select min(start_at) from months) - interval 7 days
    and events.occurred_at < (select max(end_at) from months)
    and events.sender_id not in (select sender_id from heard_senders);
