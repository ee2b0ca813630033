-- One row per number and month that uses up its free tier: the last answer that is free.
create or replace table free_until as
select sender_no, period, delivered_s as last_s, delivery_no as last_no
from served
qualify row_number() over (
    partition by sender_no, period order by delivered_s, delivery_no
) = getvariable('free_tier');

create or replace table heard as from heard group by all;

-- One row per delivery of which the network says what is not so, the reasons in equal shares.
create or replace table planted as
with shuffled as (
    select
        delivery_no, reason,
        row_number() over (partition by reason order by draw('planted', delivery_no), delivery_no)
            as planted_no
    from plantable semi join heard using (sender_no)
)
select delivery_no, reason
from shuffled
join (values ('category', 2), ('free_outside', 1), ('charged_inside', 0)) as reasons(reason, more)
    using (reason)
where planted_no <= (getvariable('disagreement_count') + more) // 3;

drop table served;
drop table plantable;
