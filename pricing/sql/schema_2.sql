-- The documents, version 2: taxes, what credits paid, and the state that a month hands on. Older invoices are
-- net: their total is what is due.
alter table invoices add column net_minor bigint;
alter table invoices add column tax_minor bigint;
alter table invoices add column credit_minor bigint default 0;
alter table invoices add column due_minor bigint;
update invoices set net_minor = total_minor, due_minor = total_minor, credit_minor = 0;

alter table lines add column tax_category varchar default 'standard';

-- Whether the run recorded the closing state of its month; older runs knew of none.
alter table runs add column has_closing boolean default false;

-- One row for each treatment, name and rate of tax on an invoice.
create table taxes (
    invoice_id varchar not null,
    position bigint not null,
    treatment varchar not null,
    name varchar not null,
    rate_ratio decimal(38, 12) not null,
    taxable_minor bigint not null,
    tax_minor bigint not null,
    legal_note varchar,
    primary key (invoice_id, position)
);

-- One row for each credit that pays a part of an invoice, in the order in which they are used.
create table credits_used (
    invoice_id varchar not null,
    position bigint not null,
    credit_id varchar not null,
    amount_minor bigint not null,
    primary key (invoice_id, position)
);

-- One row for each credit of an account in a period: how its balance came about.
create table credit_ledger (
    period varchar not null,
    account_id varchar not null,
    credit_id varchar not null,
    currency varchar not null,
    opening_minor bigint not null,
    added_minor bigint not null,
    refunded_minor bigint not null,
    used_minor bigint not null,
    expired_minor bigint not null,
    closing_minor bigint not null,
    primary key (period, account_id, credit_id)
);

-- One row for each value that a period hands on to the next one.
create table closings (
    period varchar not null,
    account_id varchar not null,
    kind varchar not null,
    key varchar not null,
    value decimal(38, 18) not null,
    primary key (period, account_id, kind, key)
);

-- What the unit price of a detail is for: its units, packages of them, or 1 for a flat amount.
alter table details add column priced_quantity decimal(38, 6);
update details set priced_quantity = quantity;
