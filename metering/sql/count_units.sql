-- One row for each unit of the month, with its account, market and local time. A number of its own
-- in senders.csv beats its waba's; a unit of nobody belongs to the account ''.
create or replace temp view counted as
with owned as (
    select
        units.*,
        coalesce(by_sender.account_id, by_waba.account_id, '') as account_id
    from units
    left join (from owners where sender_id is not null) as by_sender
        on by_sender.sender_id = units.sender_id
        and units.counted_at >= by_sender.start_at and units.counted_at < by_sender.end_at
    left join (from owners where waba_id is not null) as by_waba
        on by_waba.waba_id = units.waba_id
        and units.counted_at >= by_waba.start_at and units.counted_at < by_waba.end_at
)
select
    owned.*,
    stretches.portfolio_id,
    stretches.rate_date,
    -- A place that no row names is in the market of all others; no place at all is unknown.
    coalesce(
        places.market, case when owned.prefix is not null or owned.country is not null then getvariable('other_market') end
    ) as market,
    stretches.offset_seconds
from owned
join stretches
    on stretches.account_id = owned.account_id
    and owned.counted_at >= stretches.start_at and owned.counted_at < stretches.end_at
left join places
    on places.place = coalesce(owned.prefix, owned.country)
    and places.is_prefix = (owned.prefix is not null)
    and stretches.rate_date >= places.valid_from and stretches.rate_date < places.valid_to;
