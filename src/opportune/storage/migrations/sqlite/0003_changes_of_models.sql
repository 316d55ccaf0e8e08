-- Bytes that a change of models came with; they go with its entry.
create table change_states (
    sequence integer primary key,
    state blob not null,
    digest blob not null
) strict;

create index journal_change on journal (kind, sequence) where kind = 'change';
