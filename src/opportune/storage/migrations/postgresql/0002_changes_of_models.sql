-- Bytes that a change of models came with; they go with its entry.
create table change_states (
    sequence bigint primary key,
    state bytea not null,
    digest bytea not null
);

-- States are numbers that compress badly.
alter table change_states alter column state set storage external;

create index journal_change on journal (kind, sequence) where kind = 'change';
