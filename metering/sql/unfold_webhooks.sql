-- One row for each payload of a file, with its line and text. A line that is an array is a payload
-- for each of its elements; a payload without envelope, as the on-premises API sends it, gets one.
-- `keep_all` marks payloads that the first pass saw none of.
create or replace temp view numbered as
select
    row_number() over () as line,
    json as raw
from read_ndjson_objects(
    getvariable('path'), ignore_errors = true, maximum_object_size = 16777216
);

create or replace temp view unfolded as
select
    line,
    null::bigint as payload_no,
    raw,
    false as is_element
from numbered
where raw is null or json_type(raw) != 'ARRAY'
union all
select
    line,
    unnest(range(1, 1 + json_array_length(raw)::bigint)) as payload_no,
    unnest(from_json(raw, '["JSON"]')) as raw,
    true as is_element
from numbered
where json_type(raw) = 'ARRAY' and json_array_length(raw) > 0
union all
select
    line,
    null as payload_no,
    raw,
    false as is_element
from numbered
where json_type(raw) = 'ARRAY' and json_array_length(raw) = 0;

create or replace temp view payload as
with enveloped as (
    select
        *,
        json_exists(raw, '$.entry') as has_envelope,
        not json_exists(raw, '$.entry')
        and (json_type(raw, '$.statuses') = 'ARRAY' or json_type(raw, '$.messages') = 'ARRAY')
            as is_on_premises
    from unfolded
)
select
    line,
    payload_no,
    raw::varchar as raw,
    is_element or coalesce(is_on_premises, false) or getvariable('keep_everything') as keep_all,
    case
        when is_on_premises then coalesce(getvariable('sender'), 'on-premises')
        else getvariable('sender')
    end as default_sender,
    try(from_json(
        case
            when is_on_premises
                then concat('{"entry":[{"changes":[{"field":"messages","value":', raw, '}]}]}')::json
            else raw
        end,
        getvariable('payload_shape')
    )).entry as entry
from enveloped;
