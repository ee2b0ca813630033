-- The store, version 1. Times are UTC without a zone; keys are 128-bit keyed hashes.

-- One row for the store: what may read it, and which secret its keys were made with.
create table store_facts (
    schema_version integer not null,
    secret_fingerprint varchar not null
);

-- One row for each file that was loaded, or retry of refused rows.
create table loads (
    load_id integer not null,
    content_sha256 varchar not null,
    size_bytes bigint not null,
    name varchar not null,
    format varchar not null,
    read_count bigint not null,
    accepted_count bigint not null,
    duplicate_count bigint not null,
    reported_again_count bigint not null,
    ignored json not null,
    quarantined json not null,
    unknown_fields json not null,
    engine_version varchar not null,
    loaded_at timestamp not null
);

-- One row for each report of a message's status, and each inbound message; never edited.
create table events (
    load_id integer not null,
    message_key uhugeint not null,
    direction varchar not null,
    status varchar not null,
    message_type varchar,
    occurred_at timestamp not null,
    channel varchar not null,
    sender_id varchar not null,
    waba_id varchar,
    contact_key uhugeint,
    user_key uhugeint,
    country varchar,
    prefix varchar,
    group_key uhugeint,
    conversation_key uhugeint,
    conversation_origin varchar,
    conversation_expires_at timestamp,
    pricing_model varchar,
    pricing_type varchar,
    pricing_subtype varchar,
    category varchar,
    billable boolean,
    error_code integer,
    referral_source varchar,
    referral_key uhugeint
);

-- One row for each outbound message and recipient, with what is known of it so far; the message
-- counts as delivered once `delivered_at` is there. A rank is the time of the report that the facts
-- behind it come from, so that a later load can be merged in without reading older events.
create table deliveries (
    message_key uhugeint not null,
    channel varchar not null,
    sender_id varchar not null,
    waba_id varchar,
    contact_key uhugeint,
    user_key uhugeint,
    group_key uhugeint,
    place varchar,
    first_at timestamp not null,
    delivered_at timestamp,
    failed_at timestamp,
    error_code integer,
    pricing struct(
        rank bigint, pricing_model varchar, pricing_type varchar, category varchar
    ),
    conversation struct(
        rank bigint, conversation_key uhugeint, origin varchar, expires_at timestamp
    )
);

-- One row for each CloudEvent: what a seller meters besides messages.
create table cloud_events (
    load_id integer not null,
    event_key uhugeint not null,
    source varchar not null,
    event_id varchar not null,
    type varchar not null,
    subject varchar,
    occurred_at timestamp not null,
    data varchar
);

-- One row for each item that could not be used, with its place and its text until that is cleared.
create table quarantine (
    quarantine_id bigint not null,
    load_id integer not null,
    name varchar not null,
    format varchar not null,
    mapping varchar,
    line bigint,
    position varchar,
    reason varchar not null,
    sender_id varchar,
    raw varchar,
    quarantined_at timestamp not null
);
