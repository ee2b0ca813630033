-- One row per service window of a thread, as the network sees it: 24 hours from each message or
-- call of the user, those that overlap being one. It came from where its first message came from.
create table service_window as
with opening as (
    select thread_no, due_s + if(content = 'business_accepted', 8, 0) as at_s, source
    from item
    where case direction
        when 'in' then content not in (
            'edit', 'revoke', 'number_change', 'identity_change', 'welcome')
        else direction = 'call' and content <> 'business_rejected'
    end
),
marked as (
    select *, coalesce(at_s >= lag(at_s) over thread + 86400, true) as is_first
    from opening
    window thread as (partition by thread_no order by at_s)
),
numbered as (
    select *, count(*) filter (is_first) over (partition by thread_no order by at_s) as window_no
    from marked
)
select
    thread_no, min(at_s) as opened_s, max(at_s) + 86400 as closes_s,
    max(source) filter (is_first) as source
from numbered
group by thread_no, window_no;

-- One row per free entry point of a thread: an ad message that is answered within 24 hours opens
-- it at the delivery of the answer, unless another is open then. That of a thread's first
-- message may last seven days, for so the network says with its messages.
create table entry_point as
with answered as (
    select ad.thread_no, ad.step, ad.due_s, ad.t, ad.source, min(delivered_s) as answered_s
    from item as ad
    join addressed_delivery as answer
        on answer.thread_no = ad.thread_no and sent_s >= ad.due_s
        and delivered_s < ad.due_s + 86400
    where ad.content = 'ad' and fate = 'delivered'
    group by all
),
first_entry as (
    select
        thread_no, 1 as entry_no, min(answered_s) as opened_s,
        min(answered_s) + 86400 * if(
            not getvariable('is_service_free') and any_value(t) % 3 = 0
                and min_by(step, (answered_s, due_s)) = 1, 7, 3) as closes_s,
        min_by(source, (answered_s, due_s)) as source
    from answered
    group by thread_no
)
from first_entry
union all
select
    thread_no, 2, min(answered_s), min(answered_s) + 86400 * 3,
    min_by(answered.source, (answered_s, answered.due_s))
from answered join first_entry using (thread_no)
where answered_s >= first_entry.closes_s
group by thread_no;

-- One row per message and recipient, with the windows that it was, or would have been, delivered in.
create table placed_delivery as
select
    addressed_delivery.*,
    service_window.thread_no is not null as is_in_window,
    entry_point.thread_no is not null as is_in_entry,
    entry_no,
    entry_point.closes_s as entry_closes_s,
    delivered_s = entry_point.opened_s as is_entry_opening,
    coalesce(entry_point.source, service_window.source, 'none') as entry_source
from addressed_delivery
left join service_window
    on service_window.thread_no = addressed_delivery.thread_no
    and delivered_s >= service_window.opened_s and delivered_s < service_window.closes_s
left join entry_point
    on entry_point.thread_no = addressed_delivery.thread_no and not is_group
    and delivered_s >= entry_point.opened_s and delivered_s < entry_point.closes_s;
