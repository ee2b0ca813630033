-- One row: how many items of the file are CloudEvents, and what they are to those known before.
select
    1 as file_no,
    count(*) as staged_count,
    count(*) filter (where is_duplicate) as duplicate_count,
    count(*) filter (where is_reported_again and not is_duplicate) as reported_again_count,
    (
        select count(*)
        from cloud_events
        where load_id = (select load_id from arrivals)
    ) as appended_count
from judged_cloud_events;
