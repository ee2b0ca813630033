-- The store, version 2: events of every kind, contacts over time, and windows. Deliveries are computed anew from
-- the events, which say the same as before.
-- The lengths of windows that the stored windows were computed with.
alter table store_facts add column window_lengths varchar;

alter table events add column linked_key uhugeint;
alter table events add column duration_seconds integer;
alter table events add column data varchar;
alter table events alter column sender_id drop not null;

-- What was ignored by kind then is an event now: such a file may be loaded once more.
update loads
set content_sha256 = concat('schema 1: ', content_sha256)
where list_has_any(
    json_keys(ignored),
    [
        'smb_message_echoes', 'calls', 'call statuses', 'history', 'user_id_update', 'account_update',
        'template_category_update'
    ]
);

drop table deliveries;

-- One row for each outbound message and recipient, with what is known of it so far; the message
-- counts as delivered once `delivered_at` is there. A rank is the time of the report that the facts
-- behind it come from, so that a later load can be merged in without reading older events.
-- The last three columns follow from `windows`; they are null until the message is delivered.
create table deliveries (
    message_key uhugeint not null,
    channel varchar not null,
    sender_id varchar not null,
    waba_id varchar,
    contact_key uhugeint,
    user_key uhugeint,
    group_key uhugeint,
    id_key uhugeint,
    place varchar,
    first_at timestamp not null,
    delivered_at timestamp,
    failed_at timestamp,
    error_code integer,
    is_echo boolean not null,
    pricing struct(
        rank bigint, pricing_model varchar, pricing_type varchar, category varchar
    ),
    conversation struct(rank bigint, conversation_key uhugeint, origin varchar),
    conversation_expires_at timestamp,
    in_service_window boolean,
    in_free_entry_point boolean,
    entry_point varchar
);

-- One row for each pair of names of a contact that reports of a sender link: see metering/contacts.py.
create table links (
    sender_id varchar not null,
    kind varchar not null, -- same, user_changed or number_changed
    one_key uhugeint not null, -- of same: the number; of a change: what was before
    other_key uhugeint not null,
    linked_at timestamp not null
);

-- One row for each name of a contact, and instant from which it means another contact than itself.
create table contacts (
    sender_id varchar not null,
    key uhugeint not null,
    is_number boolean not null,
    from_at timestamp not null,
    contact_key uhugeint not null
);

-- One row for each service window and free entry point; of one rule, sender and peer none overlap.
create table windows (
    rule varchar not null,
    sender_id varchar not null,
    peer_key uhugeint not null, -- the contact, or the group
    opened_at timestamp not null,
    closes_at timestamp not null,
    opening_key uhugeint not null,
    entry_point varchar not null
);
