-- The stretch that each slot lies in, for each zone whose month it is in: nothing begins inside a slot.
create or replace temp table stretches_of_slots as
select slots.slot_no, stretches_of_zones.*
from slots
join stretches_of_zones
    on slots.from_at >= stretches_of_zones.start_at
    and slots.from_at < stretches_of_zones.end_at;
