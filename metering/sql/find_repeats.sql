-- One row for each file: how many events it holds, before anything is compared.
create or replace temp table staged_counts as
select file_no, count(*) as event_count
from staged
group by file_no;

-- One row for each event key that the file holds twice, or that the store holds already.
create or replace temp table repeated as
with keys as (
    select message_key, status
    from staged
)
select message_key, status
from keys
group by all
having count(*) > 1
union
select message_key, status
from keys
where (message_key, status) in (select (message_key, status) from events);
