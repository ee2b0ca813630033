-- One row for each delivery that may be the first answer in a window that opened in the month.
create or replace temp view named_answers as
select
    sender_id,
    contact_key,
    user_key,
    group_key,
    delivered_at as instant
from deliveries
where
    delivered_at >= getvariable('start_at')
    and delivered_at < getvariable('end_at') + interval 7 days
