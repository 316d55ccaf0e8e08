-- The entry that introduced an identifier, and the salt of the digest which that entry carries of it.
-- Both are null where an identifier is older than this migration: its entry has no digest.
alter table identifiers add column sequence integer;
alter table identifiers add column salt blob;

insert into counters select 'identifiers_unmarked', count(*) from identifiers having count(*) > 0;

-- Chains are resolved: the one kept is nobody's absorbed person.
create table merges (
    absorbed text primary key,
    kept text not null
) strict, without rowid;

create index merges_kept on merges (kept);

create index journal_person on journal (person) where person is not null;

-- Kinds that may be rare among the others. Those who look for them name the same condition.
create index journal_kind on journal (kind, sequence) where kind in ('erasure', 'merge', 'model', 'outcome', 'revision');

-- The journal's entries of all revisions, and the digests before them: they stay when retention drops them there.
create table revision_entries (
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
    digest blob not null,
    previous blob not null
) strict;

insert into revision_entries
    select j.*, coalesce((select digest from journal where sequence = j.sequence - 1), zeroblob(32))
    from revisions r join journal j using (sequence);

-- Second ids of an effect, to be found when its entry goes.
create index keys_second on keys (sequence) where request_digest is not null;

-- The last entry that retention dropped, and what the dropped ones left in the tables that stay.
create table anchor (
    id integer primary key check (id = 1),
    sequence integer not null,
    digest blob not null,
    recorded_at integer not null,
    learnable_from integer not null,
    summary blob not null,
    seal blob not null
) strict;

-- A row stands here while a copy into this store is not complete.
create table copies (
    source text primary key,
    begun_at text not null
) strict;
