-- The windows of the touched contacts take the place of those that were known.
delete from windows
using touched_peers
where windows.sender_id = touched_peers.sender_id and windows.peer_key = touched_peers.peer_key;

insert into windows by name
select *, 'service_window' as rule from service_windows
union all by name
select
    sender_id, peer_key, opened_at, closes_at, opening_key, entry_point, 'free_entry_point' as rule
from answered_ads
where candidate_no in (select candidate_no from chosen);

-- One row for each delivery of theirs: which windows it lies in.
create or replace temp table placings as
with touched_windows as (
    select windows.*
    from windows
    semi join touched_peers
        on touched_peers.sender_id = windows.sender_id and touched_peers.peer_key = windows.peer_key
),
served as (
    select deliveries.*, service.entry_point as service_entry_point, deliveries.instant < service.closes_at as in_service
    from placed_deliveries as deliveries
    asof left join (from touched_windows where rule = 'service_window') as service
        on service.sender_id = deliveries.sender_id
        and service.peer_key = deliveries.peer_key
        and deliveries.instant >= service.opened_at
)
select
    served.message_key,
    served.is_fresh,
    coalesce(in_service, false) as in_service_window,
    coalesce(served.instant < entry.closes_at, false) as in_free_entry_point,
    case
        when served.instant < entry.closes_at then entry.entry_point
        when in_service then service_entry_point
        else 'none'
    end as entry_point
from served
asof left join (from touched_windows where rule = 'free_entry_point') as entry
    on entry.sender_id = served.sender_id
    and entry.peer_key = served.peer_key
    and served.instant >= entry.opened_at;

insert into deliveries by name
select
    touched.*,
    case when touched.delivered_at is not null then coalesce(placings.in_service_window, false) end
        as in_service_window,
    case when touched.delivered_at is not null then coalesce(placings.in_free_entry_point, false) end
        as in_free_entry_point,
    case when touched.delivered_at is not null then coalesce(placings.entry_point, 'none') end
        as entry_point
from touched
left join placings using (message_key);

update deliveries
set
    in_service_window = placings.in_service_window,
    in_free_entry_point = placings.in_free_entry_point,
    entry_point = placings.entry_point
from placings
where
    not placings.is_fresh
    and placings.message_key = deliveries.message_key
    and (
        deliveries.in_service_window is distinct from placings.in_service_window
        or deliveries.in_free_entry_point is distinct from placings.in_free_entry_point
        or deliveries.entry_point is distinct from placings.entry_point
    );
