-- One row for each cell and bound: how many units of the cell are among the first of its scope.
with placed as (
    select
        asked_cells.scope,
        units.account_id,
        units.channel,
        units.market,
        units.country,
        units.category,
        units.pricing_model,
        units.pricing_type,
        units.rate_date,
        row_number() over (
            partition by asked_cells.scope order by units.counted_at, units.unit_key
        ) as position
    from cells_of_units as units
    join asked_cells
        on asked_cells.account_id = units.account_id
        and asked_cells.rate_date = units.rate_date
        and asked_cells.channel is not distinct from units.channel
        and asked_cells.market is not distinct from units.market
        and asked_cells.country is not distinct from units.country
        and asked_cells.category is not distinct from units.category
        and asked_cells.pricing_model is not distinct from units.pricing_model
        and asked_cells.pricing_type is not distinct from units.pricing_type
)
select
    placed.* exclude (position),
    asked_bounds.bound,
    count(*) filter (where position <= asked_bounds.bound)::decimal(38, 6) as quantity
from placed
join asked_bounds using (scope)
group by all
order by all;
