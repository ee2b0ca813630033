-- A line that could not be read at all gets the reason that a look at its text gave.
update asides
set aside = struct_update(aside, reason := places.reason, raw := places.raw)
from refused_places as places
where
    asides.file_no = places.file_no
    and aside.line = places.ordinal and aside.reason is not null and places.reason is not null;
