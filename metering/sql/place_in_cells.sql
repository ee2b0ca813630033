-- One row for each unit that is counted in a cell asked for.
create or replace temp view cell_units as
select
    asked_cells.cell_no,
    units.counted_at,
    units.unit_key,
    units.value::decimal(38, 6) as value
from cells_of_units as units
join asked_cells
    on asked_cells.rate_date = units.rate_date
    and asked_cells.account_id is not distinct from units.account_id
    and asked_cells.waba_id is not distinct from units.waba_id
    and asked_cells.sender_id is not distinct from units.sender_id
    and asked_cells.pricing_opinion is not distinct from units.pricing_opinion
    and asked_cells.reported_cost is not distinct from units.reported_cost
    and asked_cells.channel is not distinct from units.channel
    and asked_cells.market is not distinct from units.market
    and asked_cells.country is not distinct from units.country
    and asked_cells.category is not distinct from units.category
    and asked_cells.pricing_model is not distinct from units.pricing_model
    and asked_cells.pricing_type is not distinct from units.pricing_type
where units.standing = 'counted';

-- One row for each unit and first scope of its cell, with what is left of it: all, as nothing is taken.
create or replace temp view left_units as
select *, null::varchar as first_scope
from cell_units;
