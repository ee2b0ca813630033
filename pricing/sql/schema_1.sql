-- One row: which schema this file has.
create table archive_facts (schema_version integer not null);

-- One row for each file content that a catalog was read from.
create table contents (sha256 varchar primary key, content blob not null);

-- One row for each file of a catalog.
create table catalogs (
    catalog_hash varchar not null,
    name varchar not null,
    sha256 varchar not null,
    primary key (catalog_hash, name)
);

-- One row for each run of `tollbook bill` that wrote drafts.
create table runs (
    run_id bigint primary key,
    period varchar not null,
    catalog_hash varchar not null,
    engine_version varchar not null,
    load_ids bigint[] not null,
    only_accounts varchar[] not null,
    invoice_count bigint not null,
    blocked_count bigint not null,
    unassigned decimal(38, 6) not null,
    started_at timestamptz not null,
    finished_at timestamptz not null
);

-- One row for each invoice.
create table invoices (
    invoice_id varchar primary key,
    account_id varchar not null,
    name varchar not null,
    purpose varchar not null,
    period varchar not null,
    period_start_at timestamptz not null,
    period_end_at timestamptz not null,
    state varchar not null,
    currency varchar not null,
    total_minor bigint not null,
    line_count bigint not null,
    is_blocked boolean not null,
    coverage varchar not null,
    blocked varchar not null,
    run_id bigint not null
);

-- One row for each line of an invoice: a charge, a fee or an add-on, rounded once.
create table lines (
    line_id varchar primary key,
    invoice_id varchar not null,
    position bigint not null,
    charge varchar not null,
    plan varchar not null,
    kind varchar not null,
    quantity decimal(38, 6) not null,
    amount_exact decimal(38, 18) not null,
    amount_minor bigint not null,
    currency varchar not null
);

-- One row for each price cell of a line, exact and unrounded. Named by (line_id, position); there is
-- no index, which would make the replacing of a month of details three times slower.
create table details (
    line_id varchar not null,
    position bigint not null,
    version_from date not null,
    component varchar,
    meter varchar,
    status varchar not null,
    reason varchar,
    market varchar,
    category varchar,
    pricing_type varchar,
    tier bigint,
    quantity decimal(38, 6) not null,
    unit_price decimal(38, 12),
    amount decimal(38, 18),
    rate_date date not null,
    evidence varchar,
    note varchar
);
