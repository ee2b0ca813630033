-- One row for each local day, account, market and category: messages by how far they came.
select
    rate_date as day,
    nullif(account_id, '') as account,
    market,
    category,
    sum(sent)::bigint as sent,
    sum(delivered)::bigint as delivered,
    sum(read)::bigint as read,
    sum(failed)::bigint as failed
from counted
group by all
