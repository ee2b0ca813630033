-- One row for each piece of the month (units that are alike, or a single one), with its account,
-- stretch, market and type of charge. A number of its own in senders.csv beats its waba's; what is
-- nobody's belongs to the account ''.
create or replace temp view counted as
with timed as (
    select
        pieces.*,
        slots.from_at,
        nullif(split_part(pieces.place, '|', 2), '') as prefix,
        nullif(split_part(pieces.place, '|', 3), '') as country
    from pieces
    join slots using (slot_no)
),
owned as (
    select
        timed.*,
        coalesce(timed.account_named, by_sender.account_id, by_waba.account_id, '') as account_id,
        coalesce(timed.account_named, by_sender.clock, by_waba.clock, '') as clock,
        removals.waba_id is not null as is_removed
    from timed
    left join (from owners where sender_id is not null) as by_sender
        on by_sender.sender_id = timed.sender_id
        and timed.from_at >= by_sender.start_at and timed.from_at < by_sender.end_at
    left join (from owners where waba_id is not null) as by_waba
        on by_waba.waba_id = timed.waba_id
        and timed.from_at >= by_waba.start_at and timed.from_at < by_waba.end_at
    left join removals
        on removals.waba_id = timed.waba_id
        and timed.from_at >= removals.start_at and timed.from_at < removals.end_at
),
placed as (
    select
        owned.* exclude (pricing_type),
        owned.pricing_type as network_type,
        clocks.portfolio_id,
        stretches.rate_date,
        stretches.local_day,
        stretches.offset_seconds,
        stretches.day_us,
        -- A place that no row names is in the market of all others; no place at all is unknown.
        coalesce(places.market, case when owned.place is not null then getvariable('other_market') end)
            as market
    from owned
    join clocks on clocks.clock = owned.clock
    join stretches_of_slots as stretches
        on stretches.zone_no = clocks.zone_no and stretches.slot_no = owned.slot_no
    left join places
        on places.place = coalesce(owned.prefix, owned.country)
        and places.is_prefix = (owned.prefix is not null)
        and stretches.rate_date >= places.valid_from and stretches.rate_date < places.valid_to
),
judged as (
    select
        placed.*,
        case
            when placed.channel != 'whatsapp' or heard_senders.sender_id is null then null
            when placed.in_free_entry_point then pricing_types.in_free_entry_point
            when placed.in_service_window then pricing_types.in_service_window
            when not placed.in_service_window then pricing_types.outside
        end as derived_type
    from placed
    left join months on months.clock = placed.clock
    left join heard_senders
        on heard_senders.sender_id = placed.sender_id
        and coalesce(heard_senders.span, months.span) = months.span
    -- A conversation that was open when prices became those of messages ends by its own rules.
    left join pricing_types
        on pricing_types.category = placed.category
        and case
            when placed.pricing_model = 'CBP'
                then least(placed.rate_date, getvariable('conversations_until'))
            else placed.rate_date
        end between pricing_types.effective_from and pricing_types.effective_to - 1
)
select
    judged.* exclude (is_removed),
    case getvariable('pricing_source')
        when 'network' then network_type
        when 'derived' then derived_type
        else coalesce(network_type, derived_type)
    end as pricing_type,
    case
        when getvariable('pricing_source') != 'derived' and network_type is not null then 'network'
        when getvariable('pricing_source') != 'network' and derived_type is not null then 'derived'
    end as pricing_opinion,
    case when is_removed then 'removed' else 'counted' end as standing
from judged;
