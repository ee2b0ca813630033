-- One row for each CloudEvent of a file, with its line; a line that is an array is a batch.
create or replace temp table staged_cloud_events as
with numbered as (
    select
        row_number() over () as line,
        json as raw
    from read_ndjson_objects(
        getvariable('path'), ignore_errors = true, maximum_object_size = 16777216
    )
),
unfolded as (
    select line, null::bigint as payload_no, raw
    from numbered
    where raw is null or json_type(raw) != 'ARRAY' or json_array_length(raw) = 0
    union all
    select
        line,
        unnest(range(1, 1 + json_array_length(raw)::bigint)) as payload_no,
        unnest(list_transform(
            from_json(raw, '["JSON"]'), lambda e: coalesce(e, 'null'::json)
        )) as raw
    from numbered
    where json_type(raw) = 'ARRAY'
),
fields as (
    select
        line,
        payload_no,
        raw,
        raw ->> '$.specversion' as specversion,
        nullif(raw ->> '$.id', '') as event_id,
        nullif(raw ->> '$.source', '') as source,
        nullif(raw ->> '$.type', '') as type,
        -- A subject is an account or a sender; one that is written as a number is a contact.
        case
            when regexp_full_match(raw ->> '$.subject', '\+[0-9]{7,15}')
                then contact_word(raw ->> '$.subject')
            else nullif(raw ->> '$.subject', '')
        end as subject,
        nullif(raw ->> '$.time', '') as time,
        case
            when regexp_matches(raw ->> '$.time', ':[0-9.]+(Z|z|[+-][0-9]{2}:?[0-9]{2})$')
                then try_cast(raw ->> '$.time' as timestamptz) at time zone 'UTC'
        end as occurred_at,
        without_contacts(json_extract(raw, '$.data')::varchar) as data
    from unfolded
)
select
    *,
    case
        when raw is null then 'line is not JSON'
        when json_type(raw) != 'OBJECT' then 'line is not a JSON object'
        when json_exists(raw, '$.entry') then 'a webhook among CloudEvents'
        when specversion is null then 'specversion is missing'
        when specversion != '1.0' then 'specversion is not 1.0'
        when event_id is null then 'event id is missing'
        when source is null then 'source is missing'
        when type is null then 'type is missing'
        when time is null then 'time is missing'
        when occurred_at is null then 'time is not a timestamp of RFC 3339'
        when occurred_at < '2009-01-01' then 'timestamp is before 2009'
        when occurred_at >= '2100-01-01' then 'timestamp is after 2099'
    end as reason
from fields;

insert into staged by name
select
    1 as file_no,
    to_json({
        line: line,
        payload_no: payload_no,
        entry_no: 1,
        change_no: 1,
        item_no: 1,
        array_name: null,
        reason: reason,
        ignored: null,
        error_count: 0,
        raw: raw::varchar
    }) as aside
from staged_cloud_events
where reason is not null;

delete from staged_cloud_events
where reason is not null;
