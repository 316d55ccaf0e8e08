-- Merges as they were said, each of which can be undone: the persons of the two identifiers themselves, the kept side
-- first; `undone` is the sequence of the split's entry, 0 where the merge stands. Those from before this migration have
-- the sequence 0 and stay. Who stands for whom in the end is in `merges`.
create table links (
    sequence integer not null,
    one text not null,
    other text not null,
    undone integer not null,
    primary key (sequence, one, other)
) strict, without rowid;

create index links_one on links (one);
create index links_other on links (other);

insert into links select 0, kept, absorbed, 0 from merges;

-- When attributes were set; empty in profiles that were not written since this migration.
alter table profiles add column marks blob not null default x'';

-- What unit of a level a person belongs to by its own identifier; null is none any more.
create table units (
    person text not null,
    level text not null,
    unit text,
    sequence integer not null,
    primary key (person, level)
) strict, without rowid;

create index units_unit on units (unit) where unit is not null;

-- What a person allows by its own identifier: the last that was said of each channel and purpose.
create table consents (
    person text not null,
    channel text not null,
    purpose text not null,
    given integer not null,
    at integer not null,
    sequence integer not null,
    source text not null,
    text_version text not null,
    digest blob not null,
    primary key (person, channel, purpose)
) strict, without rowid;

-- Identifiers that were forgotten, by a keyed digest, and when.
create table tombstones (
    mark blob not null,
    at integer not null,
    sequence integer not null,
    primary key (mark, sequence)
) strict, without rowid;

create index tombstones_at on tombstones (at);

insert or ignore into secrets values ('erasures', randomblob(32));

create index identifiers_person on identifiers (person);

create index journal_session on journal (session, sequence) where session is not null;
create index journal_split on journal (kind, sequence) where kind = 'split';
create index journal_forget on journal (kind, sequence) where kind = 'forget';
