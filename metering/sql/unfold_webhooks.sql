-- One row for each payload in view `numbered`, with its line and text. A line that is an array is a
-- payload for each of its elements; a payload without envelope, as the on-premises API sends it,
-- gets one.
create or replace temp view unfolded as
with typed as (
    select
        *,
        json_type(raw) = 'ARRAY' and json_array_length(raw) > 0 as is_list
    from numbered
)
select
    file_no,
    line,
    unnest(
        case
            when is_list then range(1, 1 + json_array_length(raw)::bigint)
            else [null::bigint]
        end
    ) as payload_no,
    -- An element that is null is a value of its own, and no line that could not be read.
    unnest(
        case
            when is_list
                then list_transform(from_json(raw, '["JSON"]'), lambda e: coalesce(e, 'null'::json))
            else [raw]
        end
    ) as raw
from typed;

create or replace temp view payload as
with enveloped as (
    select
        *,
        json_exists(raw, '$.entry') as has_envelope,
        not json_exists(raw, '$.entry')
        and (json_type(raw, '$.statuses') = 'ARRAY' or json_type(raw, '$.messages') = 'ARRAY')
            as is_on_premises
    from unfolded
),
wrapped as (
    select
        * exclude (raw),
        case
            when is_on_premises
                then concat('{"entry":[{"changes":[{"field":"messages","value":', raw, '}]}]}')::json
            else raw
        end as raw
    from enveloped
)
select
    file_no,
    line,
    payload_no,
    raw::varchar as raw,
    case
        when is_on_premises then coalesce(getvariable('sender'), 'on-premises')
        else getvariable('sender')
    end as default_sender,
    try(from_json(raw, getvariable('payload_shape'))).entry as entry
from wrapped;
