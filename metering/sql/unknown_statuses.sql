-- One row for each file and status that is new to us: it is kept, and it is no delivery.
select
    file_no,
    'status=' || status as field,
    count(*) as count
from staged
where direction = 'outbound' and not list_contains($known, status)
group by all;
