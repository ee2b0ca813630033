-- What must be known of the whole month before a line of it is written, from the threads in which
-- a contact writes or calls: no other has an answer, or a window.

-- One row per delivered answer that counts towards the free tier of its number and month.
insert into main.served
select sender_no, period, delivered_s, delivery_no
from placed_delivery
where is_service and fate = 'delivered' and not is_in_entry and delivered_s >= paid_s;

-- One row per sender of which the log has an inbound message or call, in the month or shortly before.
insert into main.heard
select distinct sender_no
from item join zone_month using (time_zone)
where is_logged and direction in ('in', 'call')
    and due_s >= month_begin_s - 7 * 86400 and due_s < month_end_s;

-- One row per delivery for which the network could be made to be wrong, and how. All of them lie
-- well inside the month, in whatever zone it is counted.
insert into main.plantable
select
    delivery_no,
    case
        when is_in_entry or is_in_window and category = 'utility' and delivered_s < paid_s
            then 'charged_inside'
        when thread_no % 2 = 0 and has_send_log then 'category'
        when not is_in_window then 'free_outside'
    end as reason,
    sender_no
from placed_delivery
where thread_no // getvariable('slots') % getvariable('planted_block_step') = 0
    and fate = 'delivered' and not is_silent and not coalesce(is_entry_opening, false)
    and category in ('marketing', 'utility', 'authentication')
    and delivered_s between getvariable('begin_s') + 60 * 3600
        and getvariable('begin_s') + getvariable('span_s') - 60 * 3600
    and reason is not null;
