-- One row for each run of `tollbook bill` that wrote drafts; times in UTC, without a zone.
select
    run_id,
    period,
    left(catalog_hash, 12) as catalog,
    engine_version,
    len(load_ids) as load_count,
    len(only_accounts) as account_count,
    invoice_count,
    blocked_count,
    unassigned::bigint as unassigned,
    (started_at at time zone 'UTC')::timestamp as started_at,
    epoch_ms(finished_at) - epoch_ms(started_at) as duration_ms
from runs
order by run_id desc
