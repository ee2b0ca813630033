-- One row for each name in the new links: what is reached first, and looked on from.
create or replace temp table reached as
select sender_id, one_key as key from new_links
union
select sender_id, other_key from new_links;

create or replace temp table frontier as
from reached;
