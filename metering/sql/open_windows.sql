-- One row for each report that opens or prolongs a service window, and how long it does. Where the
-- contact came from the report itself says, else the last CloudEvent of less than a day before.
create or replace temp table openers as
with last_entries as (
    select
        sender_id,
        contact as peer_key,
        instant,
        arg_max(entry_point, event_key) as entry_point
    from resolved_entries
    group by all
),
entered as (
    select openers.*, case
        when openers.instant < last_entries.instant + interval 24 hours then last_entries.entry_point
    end as entered_by
    from resolved_openers as openers
    asof left join last_entries
        on last_entries.sender_id = openers.sender_id
        and last_entries.peer_key = openers.contact
        and openers.instant >= last_entries.instant
)
select
    sender_id,
    coalesce(group_key, contact) as peer_key,
    message_key,
    instant,
    instant + to_seconds(length_at('service_window', instant)) as closes_at,
    group_key is null and referral_source in ('ad', 'post', 'page_button') as is_ad,
    case
        when referral_source = 'post' then 'page_button'
        else coalesce(referral_source, case when group_key is null then entered_by end, 'none')
    end as entry_point
from entered
where (sender_id, coalesce(group_key, contact)) in (select (sender_id, peer_key) from touched_peers);

-- One row for each delivery that may answer, or lie within a window.
create or replace temp table placed_deliveries as
select
    message_key,
    sender_id,
    coalesce(group_key, contact) as peer_key,
    group_key is not null as is_group,
    first_at,
    instant,
    is_fresh,
    stated_until
from resolved_deliveries
where (sender_id, coalesce(group_key, contact)) in (select (sender_id, peer_key) from touched_peers);

create or replace temp table service_windows as
with ordered as (
    select
        *,
        max(closes_at) over (
            partition by sender_id, peer_key
            order by instant, message_key
            rows between unbounded preceding and 1 preceding
        ) as open_until
    from openers
),
numbered as (
    select
        *,
        count(*) filter (where open_until is null or instant >= open_until) over (
            partition by sender_id, peer_key order by instant, message_key rows unbounded preceding
        ) as window_no
    from ordered
)
select
    sender_id,
    peer_key,
    min(instant) as opened_at,
    max(closes_at) as closes_at,
    arg_min(message_key, (instant, message_key)) as opening_key,
    arg_min(entry_point, (instant, message_key)) as entry_point
from numbered
group by sender_id, peer_key, window_no;

-- One row for each ad message that was answered, with its answer: the free entry points that would
-- open if none were open.
create or replace temp table answered_ads as
with answers as (
    select
        openers.sender_id,
        openers.peer_key,
        openers.message_key as ad_key,
        openers.instant as ad_at,
        openers.entry_point,
        min((deliveries.instant, deliveries.message_key, deliveries.stated_until)) as answer
    from openers
    join placed_deliveries as deliveries
        on deliveries.sender_id = openers.sender_id
        and deliveries.peer_key = openers.peer_key
        and not deliveries.is_group
        and deliveries.first_at >= openers.instant
        and deliveries.instant >= openers.instant
        and deliveries.instant < openers.instant + to_seconds(length_at('free_entry_point_answer', openers.instant))
    where openers.is_ad
    group by all
)
select
    sender_id,
    peer_key,
    answer[1] as opened_at,
    answer[2] as opening_key,
    entry_point,
    case
        when answer[3] > answer[1] then answer[3]
        else answer[1] + to_seconds(length_at('free_entry_point', answer[1]))
    end as closes_at,
    dense_rank() over (order by sender_id, peer_key) as group_no,
    row_number() over (order by sender_id, peer_key, answer, ad_at, ad_key) as candidate_no
from answers
order by candidate_no;
