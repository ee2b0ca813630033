-- One row for each promise of the store that does not hold, and how often.
with
load_sums as (
    select
        load_id,
        read_count - accepted_count - duplicate_count - reported_again_count
        - coalesce(list_sum(list_transform(json_extract(ignored, '$.*'), lambda n: n::bigint)), 0)
        - coalesce(list_sum(list_transform(json_extract(quarantined, '$.*'), lambda n: n::bigint)), 0)
            as missing
    from loads
),
kept as (
    select load_id, count(*) as row_count
    from (select load_id from events union all select load_id from cloud_events)
    group by load_id
),
reported as (
    select
        message_key,
        min(occurred_at) filter (
            where direction = 'outbound' and status in ('delivered', 'read', 'played')
        ) as delivered_at
    from events
    where direction = 'outbound' or status in ('echo', 'history')
    group by message_key
),
matched as (
    select reported.message_key as reported_key, deliveries.message_key, reported.delivered_at as evidence, deliveries.delivered_at
    from reported
    full join deliveries on deliveries.message_key = reported.message_key
),
ordered as (
    select
        opened_at,
        max(closes_at) over (
            partition by rule, sender_id, peer_key
            order by opened_at, closes_at
            rows between unbounded preceding and 1 preceding
        ) as open_until
    from windows
)
select 'loads whose outcomes do not add up to what was read' as what, count(*) as row_count
from load_sums where missing != 0
union all
select 'loads whose events are not all there', count(*)
from loads
left join kept using (load_id)
where coalesce(kept.row_count, 0) != accepted_count + reported_again_count
union all
select 'events that belong to no load', count(*)
from kept
where load_id not in (select load_id from loads)
union all
select 'messages that were reported, but are no delivery', count(*)
from matched where message_key is null
union all
select 'deliveries that no event reports', count(*)
from matched where reported_key is null
union all
select 'messages that stand twice among the deliveries', count(*)
from (select message_key from deliveries group by all having count(*) > 1)
union all
select 'deliveries at another instant than their earliest evidence', count(*)
from matched
where reported_key is not null and message_key is not null and evidence is distinct from delivered_at
union all
select 'windows of one rule, sender and contact that overlap', count(*)
from ordered where opened_at < open_until
union all
select 'windows that close before they open', count(*)
from windows where closes_at <= opened_at
union all
select 'names that mean two contacts at one instant', count(*)
from (select sender_id, key, from_at from contacts group by all having count(*) > 1)
union all
select 'deliveries that are not in the windows that they are said to be in', count(*)
from resolved_kept as kept_deliveries
asof left join (from windows where rule = 'service_window') as service
    on service.sender_id = kept_deliveries.sender_id
    and service.peer_key = coalesce(kept_deliveries.group_key, kept_deliveries.contact)
    and kept_deliveries.instant >= service.opened_at
where in_service_window != coalesce(instant < service.closes_at, false)
union all
select 'deliveries that are not in the free entry points that they are said to be in', count(*)
from resolved_kept as kept_deliveries
asof left join (from windows where rule = 'free_entry_point') as entry
    on entry.sender_id = kept_deliveries.sender_id
    and entry.peer_key = coalesce(kept_deliveries.group_key, kept_deliveries.contact)
    and kept_deliveries.instant >= entry.opened_at
where in_free_entry_point != coalesce(instant < entry.closes_at, false);
