-- One row for each calendar month (UTC), load, or state of the deliveries: how many rows it has. What
-- the frames of a month are made of has changed when one of these counts has.
select
    strftime(occurred_at, '%Y-%m') as month,
    concat('load ', load_id) as part,
    count(*) as row_count
from events
group by all
union all
select
    strftime(delivered_at, '%Y-%m') as month,
    concat('delivered, priced ', pricing.category is not null) as part,
    count(*) as row_count
from deliveries
where delivered_at is not null
group by all
union all
select
    strftime(first_at, '%Y-%m') as month,
    'first reported' as part,
    count(*) as row_count
from deliveries
group by all
union all
select
    strftime(opened_at, '%Y-%m') as month,
    'windows' as part,
    count(*) as row_count
from windows
group by all
union all
-- The months in which something lies in some time zone.
select
    strftime(instant, '%Y-%m') as month,
    'in some zone' as part,
    count(*) as row_count
from (
    select unnest([hour_ - interval 12 hours, hour_ + interval 14 hours]) as instant
    from (
        select date_trunc('hour', delivered_at) as hour_ from deliveries
        union
        select date_trunc('hour', first_at) from deliveries
        union
        select date_trunc('hour', opened_at) from windows
    )
    where hour_ is not null
)
group by all
order by month, part
