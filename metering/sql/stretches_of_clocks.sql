-- One row for each clock and stretch of its zone.
create or replace temp view stretches as
select *
from clocks
join stretches_of_zones using (zone_no);
