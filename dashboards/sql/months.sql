-- One row for each calendar month that a delivery may fall into in some time zone.
with instants as (
    select
        min(delivered_at) as first_at,
        max(delivered_at) as last_at
    from deliveries
)
select strftime(unnest(generate_series(
    date_trunc('month', first_at - interval 12 hours),
    last_at + interval 14 hours,
    interval 1 month
)), '%Y-%m') as month
from instants
order by month
