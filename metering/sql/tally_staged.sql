-- One row for each file and kind of item that is ignored by name, or reason for quarantine.
select file_no, 'ignored' as outcome, 'value errors' as name, sum(aside.error_count)::bigint as item_count
from asides
group by file_no
union all
select file_no, 'ignored', aside.ignored, count(*)
from asides
where aside.ignored is not null
group by all
union all
select file_no, 'quarantined', aside.reason, count(*)
from asides
where aside.reason is not null
group by all
order by 1, 2, 3;
