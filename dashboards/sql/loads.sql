-- One row for each load: its counts, and no name of a file, which may hold anything.
select
    load_id,
    format,
    size_bytes,
    read_count,
    accepted_count,
    duplicate_count,
    reported_again_count,
    coalesce(list_sum(json_extract(ignored, '$.*')::bigint[]), 0)::bigint as ignored_count,
    coalesce(list_sum(json_extract(quarantined, '$.*')::bigint[]), 0)::bigint as quarantined_count,
    len(json_keys(unknown_fields)) as unknown_field_count,
    engine_version,
    loaded_at
from loads
order by load_id
