-- Merges as they were said, each of which can be undone: the persons of the two identifiers themselves, the kept side
-- first; `undone` is the sequence of the split's entry, 0 where the merge stands. Those from before this migration have
-- the sequence 0 and stay. Who stands for whom in the end is in `merges`.
create table links (
    sequence bigint not null,
    one text collate "C" not null,
    other text collate "C" not null,
    undone bigint not null,
    primary key (sequence, one, other)
);

create index links_one on links (one);
create index links_other on links (other);

insert into links select 0, kept, absorbed, 0 from merges;

-- When attributes were set; empty in profiles that were not written since this migration.
alter table profiles add column marks bytea not null default '\x';

-- What unit of a level a person belongs to by its own identifier; null is none any more.
create table units (
    person text collate "C" not null,
    level text collate "C" not null,
    unit text collate "C",
    sequence bigint not null,
    primary key (person, level)
);

create index units_unit on units (unit) where unit is not null;

-- What a person allows by its own identifier: the last that was said of each channel and purpose.
create table consents (
    person text collate "C" not null,
    channel text collate "C" not null,
    purpose text collate "C" not null,
    given bigint not null,
    at bigint not null,
    sequence bigint not null,
    source text collate "C" not null,
    text_version text collate "C" not null,
    digest bytea not null,
    primary key (person, channel, purpose)
);

-- Identifiers that were forgotten, by a keyed digest, and when.
create table tombstones (
    mark bytea not null,
    at bigint not null,
    sequence bigint not null,
    primary key (mark, sequence)
);

create index tombstones_at on tombstones (at);

insert into secrets
    values ('erasures', decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'))
    on conflict (name) do nothing;

create index identifiers_person on identifiers (person);

create index journal_session on journal (session, sequence) where session is not null;
create index journal_split on journal (kind, sequence) where kind = 'split';
create index journal_forget on journal (kind, sequence) where kind = 'forget';

-- The server's statistics are samples of values, which would outlive an erasure. The change of type to the same one
-- drops those that were made before.
alter table identifiers alter column value type text collate "C", alter column value set statistics 0;
alter table profiles alter column attributes type bytea, alter column attributes set statistics 0;
alter table consents alter column source set statistics 0;
alter table payloads alter column body type bytea;

do $$
declare part regclass;
begin
    foreach part in array array(select inhrelid::regclass from pg_inherits where inhparent = 'payloads'::regclass) loop
        execute format('alter table %s alter column body set statistics 0', part);
    end loop;
end $$;
