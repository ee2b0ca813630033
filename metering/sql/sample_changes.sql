-- One row for each change of messages in the first lines of a file, as it was written.
create or replace temp table sampled_changes as
with changes as (
    select unnest(try(json_extract(json, '$.entry[*].changes[*]'))) as change
    from (
        from read_ndjson_objects(
            getvariable('path'), ignore_errors = true, maximum_object_size = 16777216
        )
        limit $line_count
    )
    where json is not null
)
select change
from changes
where json_type(change) = 'OBJECT' and coalesce(change ->> '$.field', 'messages') = 'messages';
