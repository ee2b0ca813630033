-- One row for each unit and scope of its cell, with what is left of it there.
create or replace temp view scoped_units as
select
    asked_scopes.scope,
    left_units.cell_no,
    left_units.counted_at,
    left_units.unit_key,
    left_units.value
from left_units
join asked_scopes
    on asked_scopes.cell_no = left_units.cell_no
    and asked_scopes.first_scope is not distinct from left_units.first_scope;
