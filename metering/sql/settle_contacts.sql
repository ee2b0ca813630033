-- The contacts of the names that were reached, as they are now. A number of one stretch that is its
-- own contact needs no row, and has none.
create or replace temp table new_contacts as
with labelled as (
    select nodes.sender_id, nodes.key, named.key as contact_key
    from nodes
    join nodes as named on named.node_no = nodes.label
),
stretches as (
    select
        number_stretches.sender_id,
        number_stretches.key,
        number_stretches.from_at,
        labelled.contact_key,
        count(*) over (partition by number_stretches.sender_id, number_stretches.key) as stretch_count
    from number_stretches
    join labelled
        on labelled.sender_id = number_stretches.sender_id
        and labelled.key = number_stretches.stretch_key
)
select sender_id, key, true as is_number, from_at, contact_key
from stretches
where stretch_count > 1 or contact_key != key
union all
select labelled.sender_id, labelled.key, false, '-infinity'::timestamp, labelled.contact_key
from labelled
semi join (
    select sender_id, other_key as key from reached_links where kind in ('same', 'user_changed')
    union
    select sender_id, one_key from reached_links where kind = 'user_changed'
) as users
    on users.sender_id = labelled.sender_id and users.key = labelled.key
where labelled.contact_key != labelled.key;

create or replace temp table old_contacts as
select contacts.*
from contacts
semi join reached on reached.sender_id = contacts.sender_id and reached.key = contacts.key;

-- One row for each contact that gained or lost a name, or a part of one: where a name means another
-- contact from an instant on, the contact that it meant until then lost a part of it.
create or replace temp table moved_contacts as
with moved as (
    select sender_id, key
    from (
        (from new_contacts except all from old_contacts)
        union all
        (from old_contacts except all from new_contacts)
    )
)
select sender_id, key as peer_key from moved
union
select rows.sender_id, rows.contact_key
from (from new_contacts union all from old_contacts) as rows
semi join moved on moved.sender_id = rows.sender_id and moved.key = rows.key;

delete from contacts
using reached
where reached.sender_id = contacts.sender_id and reached.key = contacts.key;

insert into contacts by name
from new_contacts;
