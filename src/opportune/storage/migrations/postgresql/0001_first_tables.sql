-- Times are whole microseconds since 1970-01-01 UTC; digests are BLAKE2b. Text compares by its bytes.

-- Every writer locks this row first, so all of them take turns here and nowhere else. It seldom changes: a row that
-- every commit changed would leave a version per commit for as long as a backup runs, and each look at it reads all.
-- `room` is the first sequence that no partition has a place for.
create table head (
    single boolean primary key default true check (single),
    room bigint not null
);

insert into head (room) values (1);

-- The end of the journal after each of the last commits; the latest one counts.
create table ends (
    sequence bigint primary key,
    digest bytea not null
);

insert into ends values (0, decode(repeat('00', 32), 'hex'));

-- Ranges of sequences; each has a partition of the journal and one of the payloads, named by its first sequence.
create table partitions (
    first bigint primary key,
    after_last bigint not null,
    begun_at bigint not null
);

create table journal (
    sequence bigint primary key,
    kind text collate "C" not null,
    schema integer not null,
    id text collate "C" not null,
    occurred_at bigint not null,
    recorded_at bigint not null,
    zone text collate "C",
    person text collate "C",
    session text collate "C",
    decision text collate "C",
    revision text collate "C",
    origin text collate "C",
    body bytea not null,
    body_digest bytea not null,
    payload_digest bytea,
    request_digest bytea not null,
    digest bytea not null
) partition by range (sequence);

create index journal_person on journal (person, sequence) where person is not null;

-- Kinds that may be rare among the others. Those who look for them name the same condition.
create index journal_kind on journal (kind, sequence) where kind in ('erasure', 'merge', 'model', 'outcome', 'revision');

-- The personal part of an entry, apart so that it can be deleted while the entry and its digests stay.
-- The salt goes with it: without the salt nobody can test a guess against the digest that stays.
create table payloads (
    sequence bigint primary key,
    salt bytea not null,
    body bytea not null
) partition by range (sequence);

create table erasures (
    sequence bigint primary key,
    erased_by bigint not null
);

-- The first id of an effect has its request's digest in the journal; only a second id brings its own.
create table keys (
    kind text collate "C" not null,
    id text collate "C" not null,
    sequence bigint not null,
    request_digest bytea,
    primary key (kind, id)
);

-- Second ids of an effect, to be found when its entry goes.
create index keys_second on keys (sequence) where request_digest is not null;

create table decisions (
    id text collate "C" primary key,
    sequence bigint not null
);

-- Indexed by the decision alone: four long names would not fit into an entry of an index.
create table outcomes (
    decision text collate "C" not null,
    action text collate "C" not null,
    treatment text collate "C" not null,
    outcome text collate "C" not null,
    sequence bigint primary key,
    decision_sequence bigint not null
);

create index outcomes_decision on outcomes (decision);

create table windows (
    decision text collate "C" not null,
    action text collate "C" not null,
    treatment text collate "C" not null,
    outcome text collate "C" not null,
    due_at bigint not null
);

create index windows_decision on windows (decision);
create index windows_due on windows (due_at);

-- With the entry that introduced an identifier and the salt of the digest which that entry carries of it; both are null
-- where the entry has no digest, being older than those.
create table identifiers (
    kind text collate "C" not null,
    value text collate "C" not null,
    person text collate "C" not null,
    sequence bigint,
    salt bytea,
    primary key (kind, value)
);

-- Chains are resolved: the one kept is nobody's absorbed person.
create table merges (
    absorbed text collate "C" primary key,
    kept text collate "C" not null
);

create index merges_kept on merges (kept);

create table profiles (
    person text collate "C" primary key,
    version bigint not null,
    sequence bigint not null,
    attributes bytea not null,
    digest bytea not null
);

create table bundles (
    hash text collate "C" primary key,
    body bytea not null,
    digest bytea not null
);

create table revisions (
    number bigint primary key,
    hash text collate "C" not null,
    sequence bigint not null
);

-- The journal's entries of all revisions, and the digests before them: they stay when retention drops them there.
create table revision_entries (
    like journal,
    previous bytea not null,
    primary key (sequence)
);

create table models (
    sequence bigint primary key,
    name text collate "C" not null,
    position bigint not null,
    hash text collate "C" not null,
    state bytea not null,
    digest bytea not null
);

create index models_name on models (name, sequence);

-- What each commit added; the sum counts. Rows are added up now and then, see `head` for why not at every commit.
create table counters (
    name text collate "C" not null,
    value bigint not null
);

-- The last entry that retention dropped, and what the dropped ones left in the tables that stay.
create table anchor (
    id integer primary key check (id = 1),
    sequence bigint not null,
    digest bytea not null,
    recorded_at bigint not null,
    learnable_from bigint not null,
    summary bytea not null,
    seal bytea not null
);

-- A row stands here while a copy into this store is not complete.
create table copies (
    source text collate "C" primary key,
    begun_at text collate "C" not null
);

-- What processes tell one another; lost in a crash without harm, so it is not logged.
create unlogged table live_models (
    name text collate "C" primary key,
    revision text collate "C" not null,
    position bigint not null,
    hash text collate "C" not null,
    state bytea not null
) with (
    autovacuum_vacuum_threshold = 20, autovacuum_vacuum_scale_factor = 0,
    toast.autovacuum_vacuum_threshold = 1000, toast.autovacuum_vacuum_scale_factor = 0
);

-- States are numbers that compress badly.
alter table live_models alter column state set storage external;

create unlogged table processes (
    id text collate "C" primary key,
    report bytea not null,
    seen_at timestamptz not null
);
