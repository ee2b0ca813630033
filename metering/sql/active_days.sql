-- One row for each sender and local day of its owner with reports.
create or replace temp table active_days as
select
    sender_id,
    rate_date as day,
    max(waba_id) as waba_id,
    arg_max(account_id, counted_at) as account_id,
    sum(report_count)::bigint as report_count
from counted
group by sender_id, rate_date;

-- One row for each sender that ever reported: when it did for the last time.
create or replace temp table last_reports as
with lasts as (
    select sender_id, max(last_at) as last_at
    from activity_pieces
    group by sender_id
    union all
    select sender_id, max(occurred_at) as last_at
    from events
    where
        (occurred_at < getvariable('start_at') or occurred_at >= getvariable('end_at'))
        and sender_id is not null
        and list_contains(getvariable('live_directions'), direction)
    group by sender_id
)
select sender_id, max(last_at) as last_report_at
from lasts
group by sender_id;
