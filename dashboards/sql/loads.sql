-- One row for each load: its counts, and no name of a file, which may hold anything.
select
    load_id,
    format,
    read_count,
    accepted_count,
    duplicate_count,
    reported_again_count,
    coalesce(list_sum(json_extract(quarantined, '$.*')::bigint[]), 0)::bigint as quarantined_count,
    loaded_at
from loads
order by load_id
