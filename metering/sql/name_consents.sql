-- One row for each consent and sender that it may matter to, with its name as number or as user id.
create or replace temp view named_consents as
with names as (
    select distinct sender_id, contact_key as key, true as is_number
    from initiated
    where contact_key is not null
    union
    select distinct sender_id, user_key as key, false as is_number
    from initiated
    where user_key is not null
    union
    -- Names of theirs that this month's messages do not use. The name that a contact is known by has
    -- no row of its own while it means nobody else; taken as a number it means itself.
    select distinct contacts.sender_id, contacts.key, contacts.is_number
    from contacts
    semi join initiated on initiated.sender_id = contacts.sender_id
    union
    select distinct contacts.sender_id, contacts.contact_key as key, true as is_number
    from contacts
    semi join initiated on initiated.sender_id = contacts.sender_id
)
select
    names.sender_id,
    consents.account_id,
    consents.instant,
    consents.is_in,
    case when names.is_number then names.key end as contact_key,
    case when not names.is_number then names.key end as user_key
from (
    select told.account_id, told.sender_id, told.instant, told.is_in, unnest(told.keys) as key
    from consents as told
    where is_of_someone
) as consents
join names on names.key = consents.key
where consents.sender_id is null or consents.sender_id = names.sender_id;
