-- One row per step of a thread: a message that a business sends, or what it receives. A thread is
-- a short exchange between a sender and a contact. A pair meets again only after more than nine
-- days, so that no window of one thread reaches into the next; it then plays the script that lies
-- 37 slots behind the one before. The survey has the threads in which a contact writes or calls.
create table item as
with thread as (
    select
        thread_no,
        thread_no * 37 % getvariable('slots') as slot,
        thread_no % getvariable('relation_count') as relation_no,
        thread_no // getvariable('relation_count') as meeting,
        draw('thread', thread_no) as t,
        getvariable('begin_s')
            + thread_no * getvariable('span_s') // getvariable('thread_count') as even_s
    from range(getvariable('first_thread'), getvariable('last_thread')) as numbers(thread_no)
    where not getvariable('is_survey')
        or slot in (select slot from step_at where direction in ('in', 'call'))
),
timed as (
    -- Stretch each UTC day: fewer messages at night. Stays in order within the day.
    select *, even_s // 86400 * 86400 + case
            when even_s % 86400 < 10000 then even_s % 86400 * 2
            when even_s % 86400 < 70000 then 20000 + (even_s % 86400 - 10000) * 5 // 6
            else even_s % 86400
        end as start_s
    from thread
)
select
    thread_no * 16 + step as item_no,
    thread_no, step, direction, content,
    start_s + after_seconds as due_s,
    t, relation_no, country, prefix, local, has_no_number,
    sender_no, account_country, time_zone, api_version, is_auth_international, is_silent,
    has_send_log,
    content like 'group%' as is_group,
    if(content = 'voice', 'service', content) as base_category,
    -- Where the contact came from: the network says with the message that it was an ad or a page, and
    -- the business's own system knows its links and websites, by the number.
    case content
        when 'ad' then pick(['ad', 'ad', 'ad', 'ad', 'ad', 'page_button', 'post'], part(t, 3, 7))
        when 'link' then if(has_no_number, null, pick(['link', 'website'], part(t, 3, 2)))
    end as source,
    number_changes_before + number_changes as number_count,
    user_changes_before + user_changes as user_id_count,
    number_of(prefix, local, number_count) as number,
    user_id_of(country, c, user_id_count) as user_id,
    if(content = 'number_change', number_of(prefix, local, number_count - 1), null) as old_number,
    if(content = 'user_change', user_id_of(country, c, user_id_count - 1), null) as old_user_id,
    case direction
        when 'in' then not is_silent and not (content = 'number_change' and has_no_number)
        when 'call' then not is_silent
        when 'echo' then has_app and not has_no_number
        when 'change' then api_version = 25 or has_no_number
        else true
    end as is_logged
from timed
join step_at using (slot)
join changes_at using (slot, meeting)
join relation using (relation_no)
join sender using (sender_no)
where thread_no // getvariable('slots') * getvariable('messages_a_block') + messages_before
    < getvariable('message_count');
