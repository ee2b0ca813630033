"""Contacts: which numbers and user ids are the same person, at which time.

A contact is reported by number, by user id, or by both; both may change, and a number may be given
to somebody else. The rules are in docs/decisions/0011-contacts.md. Tables `links` and `contacts`
keep what the reports of each sender told; names that were never linked with another are contacts
themselves, and have no row there.
"""

from metering.store import Store

RESOLVE = """
    create or replace temp table {target} as
    with numbers as (
        select
            sender_id, key,
            list({{from_at: from_at, contact_key: contact_key}} order by from_at) as stretches
        from contacts where is_number group by all
    )
    select
        source.*,
        case
            when source.user_key is not null then coalesce(users.contact_key, source.user_key)
            when numbers.key is not null then list_last(list_filter(
                numbers.stretches, lambda s: s.from_at <= source.instant
            )).contact_key
            else source.contact_key
        end as contact
    from {source} as source
    left join numbers
        on numbers.sender_id = source.sender_id and numbers.key = source.contact_key
    left join (from contacts where not is_number) as users
        on users.sender_id = source.sender_id and users.key = source.user_key
"""


def update(store: Store) -> None:
    """Learn the links that the events in view `fresh` tell.

    Leaves table `moved_contacts`: sender_id, peer_key of the contacts whose names are others now.
    """
    store.run("find_links")
    if not store.value("select count(*) from new_links"):
        store.execute(
            "create or replace temp table moved_contacts (sender_id varchar, peer_key uhugeint)"
        )
        return
    store.run("reach_first")
    while store.value("select count(*) from frontier"):
        store.run("reach_on")
    store.run("reach_contacts")
    known = None
    while known != (known := store.value("select sum(label) from nodes")):
        store.run("spread_labels")
    store.run("settle_contacts")


def resolve(store: Store, source: str, target: str) -> None:
    """Make temporary table `target` of `source`, and say of each row whose it is.

    Args:
        source: A table or view with sender_id, contact_key, user_key and `instant`.
        target: Gets all columns of `source` and `contact`, null where the row names nobody.
    """
    store.make(RESOLVE, source=source, target=target)
