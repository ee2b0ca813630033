-- One row for each file: how many of its items were events before duplicates left, and what they
-- are to those that were there before.
select
    arrivals.file_no,
    coalesce(staged_counts.event_count, 0) as staged_count,
    (select count(*) from judged where judged.file_no = arrivals.file_no and is_duplicate)
        as duplicate_count,
    (
        select count(*)
        from judged
        where judged.file_no = arrivals.file_no and is_reported_again and not is_duplicate
    ) as reported_again_count,
    (select count(*) from events where events.load_id = arrivals.load_id) as appended_count
from arrivals
left join staged_counts using (file_no)
order by file_no;
