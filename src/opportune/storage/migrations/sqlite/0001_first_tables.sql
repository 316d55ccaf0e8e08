-- Times are whole microseconds since 1970-01-01 UTC; digests are BLAKE2b.

create table journal (
    sequence integer primary key,
    kind text not null,
    schema integer not null,
    id text not null,
    occurred_at integer not null,
    recorded_at integer not null,
    zone text,
    person text,
    session text,
    decision text,
    revision text,
    origin text,
    body blob not null,
    body_digest blob not null,
    payload_digest blob,
    request_digest blob not null,
    digest blob not null
) strict;

-- The personal part of an entry, apart so that it can be deleted while the entry and its digests stay.
-- The salt goes with it: without the salt nobody can test a guess against the digest that stays.
create table payloads (
    sequence integer primary key,
    salt blob not null,
    body blob not null
) strict;

create table erasures (
    sequence integer primary key,
    erased_by integer not null
) strict;

-- The first id of an effect has its request's digest in the journal; only a second id brings its own.
create table keys (
    kind text not null,
    id text not null,
    sequence integer not null,
    request_digest blob,
    primary key (kind, id)
) strict, without rowid;

create table decisions (
    id text primary key,
    sequence integer not null
) strict, without rowid;

create table outcomes (
    decision text not null,
    action text not null,
    treatment text not null,
    outcome text not null,
    sequence integer not null,
    decision_sequence integer not null,
    primary key (decision, action, treatment, outcome)
) strict, without rowid;

create table windows (
    decision text not null,
    action text not null,
    treatment text not null,
    outcome text not null,
    due_at integer not null,
    primary key (decision, action, treatment)
) strict, without rowid;

create index windows_due on windows (due_at);

create table identifiers (
    kind text not null,
    value text not null,
    person text not null,
    primary key (kind, value)
) strict, without rowid;

create table profiles (
    person text primary key,
    version integer not null,
    sequence integer not null,
    attributes blob not null,
    digest blob not null
) strict, without rowid;

create table bundles (
    hash text primary key,
    body blob not null,
    digest blob not null
) strict;

create table revisions (
    number integer primary key,
    hash text not null,
    sequence integer not null
) strict;

create table models (
    sequence integer primary key,
    name text not null,
    position integer not null,
    hash text not null,
    state blob not null,
    digest blob not null
) strict;

create index models_name on models (name, sequence);

create table counters (
    name text primary key,
    value integer not null
) strict, without rowid;
