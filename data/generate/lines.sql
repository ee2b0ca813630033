-- One row per line of this chunk's files, with its place in them: the payloads, what was held back
-- from the chunk before, exact repeats, and what is about no message.
create table line_now as
select line, arrival, tie
from (
    select line, arrival, payload_no * 2 as tie from payload where place = 'now'
    union all
    select line, arrival + part(p, 3, 20000), payload_no * 2 + 1
    from payload where place = 'now' and part(p, 2, 1000) < 15
    union all
    select line, chunk_begin_s(getvariable('first_thread'))
        + row_number() over (order by arrival, tie) * 60,
        -row_number() over (order by arrival, tie)
    from held
    union all
    select line, arrival, -2000000000 - notice_no
    from notice
    where arrival >= chunk_begin_s(getvariable('first_thread'))
        and arrival < chunk_begin_s(getvariable('last_thread'))
);

create or replace table main.held as
select line, arrival, payload_no * 2 as tie from payload where place = 'held'
union all
select line, arrival, payload_no * 2 + 1
from payload where place = 'now' and part(p, 2, 1000) between 15 and 19;

insert into late select line, arrival, payload_no * 2 from payload where place = 'late';
