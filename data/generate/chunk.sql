-- One row per step of a thread: a message that a business sends, or one that it receives.
-- A thread is a short exchange between a sender and a contact. A pair meets again only after more
-- than nine days, so that no window of one thread reaches into the next.
create table item as
with thread as (
    select
        thread_no,
        thread_no * 37 % 100 as slot,
        thread_no % getvariable('relation_count') as relation_no,
        draw('thread', thread_no) as t,
        getvariable('begin_s')
            + thread_no * getvariable('span_s') // getvariable('thread_count') as even_s
    from range(getvariable('first_thread'), getvariable('last_thread')) as numbers(thread_no)
),
timed as (
    -- Stretch each UTC day: fewer messages at night. Stays in order within the day.
    select *, even_s // 86400 * 86400 + case
            when even_s % 86400 < 10000 then even_s % 86400 * 2
            when even_s % 86400 < 70000 then 20000 + (even_s % 86400 - 10000) * 5 // 6
            else 70000 + even_s % 86400 - 70000
        end as start_s
    from thread
),
relation as (
    select relation_no, r, (r % getvariable('weight_total'))::bigint as weight_at
    from (
        select distinct relation_no, draw('relation', relation_no) as r from timed
    )
),
paired as (
    select
        relation_no, sender_no, account_country, time_zone, api_version, is_auth_international,
        draw('contact', relation_no) as c,
        case when part(c, 0, 100) < 45 then home_place.account_country end as near_country,
        coalesce(near_country, place_country) as country,
        if(near_country is null, place_prefix, home_prefix) as prefix,
        lpad(((relation_no * 7654321 + getvariable('seed')) % 10000000)::varchar, 7, '0') as local,
        country || '.' || (1000000000000000 + c % 9000000000000000) as user_id,
        part(c, 1, 25) = 0 as has_no_number
    from relation
    asof join sender on relation.weight_at >= sender.weight_before
    left join home_place using (account_country)
    join place_at on place_at.roll = part(draw('place', relation_no), 0, getvariable('place_count'))
)
select
    thread_no * 16 + step as item_no,
    thread_no, step, direction, content, "window",
    timed.start_s + after_seconds as due_s,
    timed.t, paired.* exclude (near_country, c),
    content like 'group%' as is_group,
    case when content = 'voice' then 'service' else content end as base_category,
    prefix || local as number
from timed
join step_at using (slot)
join paired using (relation_no)
where thread_no // 100 * getvariable('messages_a_block') + messages_before
    < getvariable('message_count');
