-- One row for each staged CloudEvent, and whether its source and id, or all of it, were known.
create or replace temp table judged_cloud_events as
with arrived as (
    select
        rowid as staged_row,
        md5_number(concat(source, chr(31), event_id)) as event_key,
        source,
        event_id,
        type,
        subject,
        occurred_at,
        data
    from staged_cloud_events
),
ranked as (
    select
        *,
        row_number() over (
            partition by event_key, type, subject, occurred_at, data order by staged_row
        ) as copy_no,
        dense_rank() over (partition by event_key order by occurred_at, type, subject, data) as content_no
    from arrived
)
select
    ranked.*,
    copy_no > 1 or exists (
        select 1
        from cloud_events as known
        where
            known.event_key = ranked.event_key
            and known.type = ranked.type
            and known.subject is not distinct from ranked.subject
            and known.occurred_at = ranked.occurred_at
            and known.data is not distinct from ranked.data
    ) as is_duplicate,
    content_no > 1 or event_key in (select event_key from cloud_events) as is_reported_again
from ranked;

insert into cloud_events
select
    (select load_id from arrivals) as load_id,
    event_key,
    source,
    event_id,
    type,
    subject,
    occurred_at,
    data
from judged_cloud_events
where not is_duplicate;
