-- Outcomes have a row per report already; the decision's sequence is 0 where the decision has not come yet.

-- What the store itself keeps secret, such as the key of its tokens.
create table secrets (
    name text collate "C" primary key,
    value bytea not null
);
