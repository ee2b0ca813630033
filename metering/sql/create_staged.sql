-- One row for each event of the files being loaded, with its facts; until `set_aside.sql` has run,
-- also one for each other item.
create or replace temp table staged (
    file_no integer not null,
    -- Null for an event; for anything else its place and what becomes of it: see set_aside.sql.
    aside json,
    message_key uhugeint,
    direction varchar,
    status varchar,
    message_type varchar,
    occurred_at timestamp,
    channel varchar,
    sender_id varchar,
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
    reported_cost varchar,
    error_code integer,
    referral_source varchar,
    referral_key uhugeint,
    linked_key uhugeint,
    duration_seconds integer,
    data varchar,
    id_key uhugeint
);

create or replace temp table asides (
    file_no integer not null,
    aside struct(
        line bigint,
        payload_no bigint,
        entry_no bigint,
        change_no bigint,
        item_no bigint,
        array_name varchar,
        reason varchar,
        ignored varchar,
        error_count bigint,
        raw varchar,
        -- Of the rest of a change, and of what it unfolds to: see unfold_rest.sql.
        field varchar,
        entry_time varchar,
        rest json,
        item json
    ),
    sender_id varchar,
    waba_id varchar
);
