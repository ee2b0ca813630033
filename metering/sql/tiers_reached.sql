-- One row for each volume tier that a waba was told of, with the earliest time of its webhooks.
with told as (
    select
        waba_id,
        data ->> '$.volume_tier_info.effective_month' as month,
        data ->> '$.volume_tier_info.region' as region,
        replace(lower(data ->> '$.volume_tier_info.pricing_category'), '-', '_') as category,
        data ->> '$.volume_tier_info.tier' as tier,
        instant_of(try_cast(data ->> '$.volume_tier_info.tier_update_time' as bigint)) as reached_at
    from events
    where direction = 'account' and status = 'VOLUME_BASED_PRICING_TIER_UPDATE'
)
select
    waba_id,
    month,
    region,
    category,
    try_cast(split_part(tier, ':', 1) as bigint) as tier_lower,
    try_cast(nullif(split_part(tier, ':', 2), 'MAX') as bigint) as tier_upper,
    min(reached_at) as reached_at
from told
where
    month is not null
    and region is not null
    and category is not null
    and regexp_full_match(tier, '[0-9]{1,18}:([0-9]{1,18}|MAX)')
    and reached_at is not null
group by all
order by all;
