-- One row for each local day, account, rule, entry point, length and wait: windows that opened.
select
    rate_date as day,
    nullif(account_id, '') as account,
    rule,
    entry_point,
    ceil(epoch(length) / 86400)::bigint as days_open,
    case
        when answered_after is null then 'none'
        when answered_after <= interval 1 minute then '1 minute'
        when answered_after <= interval 5 minutes then '5 minutes'
        when answered_after <= interval 1 hour then '1 hour'
        when answered_after <= interval 4 hours then '4 hours'
        else 'later'
    end as answer,
    count(*) as window_count
from counted
group by all
