-- The documents, version 3: kinds and states of documents, numbers, who did what and when, and payments.
alter table invoices add column kind varchar default 'invoice';
alter table invoices add column number varchar;
alter table invoices add column issue_date date;
alter table invoices add column due_date date;
alter table invoices add column payment_terms_days bigint default 30;
alter table invoices add column parties varchar;
alter table invoices add column daily bigint[];
alter table invoices add column corrects varchar default '[]';
alter table invoices add column reason varchar;
-- A run made it, or a person: a credit note. A run replaces the drafts of runs alone.
alter table invoices add column origin varchar default 'run';
-- Of a credit note: whether what it credits counts as not invoiced, so that the month is billed again.
alter table invoices add column bills_again boolean default false;
-- Of such a credit note: the invoice that it credits.
alter table invoices add column credits_invoice_id varchar;
-- The content that was approved, by its sha256.
alter table invoices add column approved_sha256 varchar;
update invoices
set parties = json_object(
    'seller', json_object('name', ''), 'buyer', json_object('name', name), 'style', json_object(), 'accounts', json_object()
);

alter table lines add column account_id varchar;
alter table lines add column period varchar;
alter table lines add column is_correction boolean default false;
alter table lines add column tax_treatment varchar;
alter table lines add column tax_name varchar;
alter table lines add column tax_rate_ratio decimal(38, 12);
-- Of a credit note: the line that a line of it credits.
alter table lines add column credits_line_id varchar;
update lines
set account_id = invoices.account_id, period = invoices.period
from invoices
where invoices.invoice_id = lines.invoice_id;

-- Who made a run, what it took from runs and documents before it, by the sha256, and what came out.
alter table runs add column actor varchar default '';
alter table runs add column prior_sha256 varchar;
alter table runs add column outcome varchar default '{}';

-- One row for each issued document: its place in its series and the bytes that were issued.
create table issued (
    invoice_id varchar primary key,
    number varchar not null unique,
    series varchar not null,
    year bigint not null,
    sequence bigint not null,
    issued_at timestamptz not null,
    sha256 varchar not null,
    content blob not null,
    unique (series, year, sequence)
);

-- One row for each thing that was done, chained by hashes; rows are only ever added.
create table trail (
    sequence bigint primary key,
    happened_at timestamptz not null,
    actor varchar not null,
    action varchar not null,
    object varchar not null,
    reason varchar,
    facts varchar not null,
    previous_sha256 varchar not null,
    sha256 varchar not null
);

-- One row for each payment, refund or write-off, signed as what it takes off what is owed. Of money on account
-- there is no document; what is applied from one document to another has a row for each of the two.
create table payments (
    payment_id varchar primary key,
    account_id varchar not null,
    document_id varchar,
    kind varchar not null,
    currency varchar not null,
    amount_minor bigint not null,
    paid_on date not null,
    reference varchar not null,
    recorded_at timestamptz not null,
    actor varchar not null
);

-- One row for each series of numbers that another system began: its last number of a year.
create table series_openings (
    series varchar not null,
    year bigint not null,
    last_sequence bigint not null,
    primary key (series, year)
);

-- One row for each document of another system, as far as it was not paid when it was taken over.
create table opening_documents (
    document_id varchar primary key,
    number varchar not null unique,
    account_id varchar not null,
    kind varchar not null,
    currency varchar not null,
    total_minor bigint not null,
    open_minor bigint not null,
    issue_date date not null,
    due_date date not null,
    recorded_at timestamptz not null,
    actor varchar not null
);

-- One row for a month whose closing state another system left; no run makes it.
create table opening_states (period varchar primary key, recorded_at timestamptz not null);
