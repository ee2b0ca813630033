-- One row for each sender that is owned in the month or was active in it or in the weeks before, with
-- the days of the month that lack something by its own past: the same weekday of the four weeks before.
with in_month as (
    select
        sender_id,
        sum(report_count)::bigint as report_count,
        arg_max(account_id, day) as account_id
    from active_days
    where day >= getvariable('first_day')
    group by sender_id
),
seen as (
    select sender_id, max(waba_id) as waba_id from active_days group by sender_id
),
known as (
    select sender_id, waba_id from seen
    union all
    select sender_id, null from owned_senders
    where sender_id is not null and sender_id not in (select sender_id from seen)
    union all
    -- An account of the network none of whose senders is known.
    select null, waba_id from owned_senders
    where waba_id is not null and waba_id not in (select waba_id from seen where waba_id is not null)
),
senders as (
    select
        known.sender_id,
        known.waba_id,
        coalesce(in_month.account_id, by_sender.account_id, by_waba.account_id, '') as account_id,
        coalesce(in_month.report_count, 0) as report_count,
        last_reports.last_report_at
    from known
    left join in_month on in_month.sender_id = known.sender_id
    left join owned_senders as by_sender on by_sender.sender_id = known.sender_id
    left join owned_senders as by_waba on by_waba.waba_id = known.waba_id
    left join last_reports on last_reports.sender_id = known.sender_id
),
past as (
    select sender_id, (day + (7 * week_no)::integer) as day, report_count
    from active_days, unnest(range(1, 5)) as weeks (week_no)
),
usual as (
    select
        sender_id,
        day,
        count(*) as week_count,
        list_reverse_sort(list(report_count)) as counts,
        coalesce(counts[2], 0) + coalesce(counts[3], 0) as twice_median
    from past
    where day >= getvariable('first_day')
    group by sender_id, day
),
lacking as (
    select
        senders.sender_id,
        usual.day,
        stretches.start_at,
        coalesce(active_days.report_count, 0) as report_count,
        twice_median * 0.5 as usual_count,
        week_count = 4 and active_days.day is null as is_missing
    from usual
    join senders using (sender_id)
    -- A day counts once the log has gone past it.
    join stretches
        on stretches.account_id = senders.account_id
        and stretches.rate_date = usual.day
        and stretches.end_at <= (select max(last_report_at) from last_reports)
    left join active_days on active_days.sender_id = usual.sender_id and active_days.day = usual.day
    where
        is_missing
        or (
            coalesce(active_days.report_count, 0) * 2 * getvariable('drop_divisor') < twice_median
            and twice_median >= 2 * getvariable('usual_min')
        )
),
found as (
    select
        sender_id,
        min(start_at) filter (where is_missing) as first_missing_at,
        list(day order by day) filter (where is_missing) as missing_days,
        list(
            {day: day, reports: report_count, usual: usual_count} order by day
        ) filter (where not is_missing) as sudden_drops
    from lacking
    group by sender_id
)
select
    nullif(account_id, '') as account,
    senders.sender_id as sender,
    waba_id as waba,
    report_count as reports,
    last_report_at,
    coalesce(first_missing_at, last_report_at) as complete_up_to,
    report_count = 0 as silent,
    coalesce(missing_days, []) as missing_days,
    coalesce(sudden_drops, []) as sudden_drops
from senders
left join found using (sender_id)
order by account nulls last, sender nulls last, waba;
