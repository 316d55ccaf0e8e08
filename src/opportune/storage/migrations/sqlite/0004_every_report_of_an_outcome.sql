-- Every report of an outcome has a row of its own, also where the same was reported before: what stands in the end
-- follows from all of them. The decision's sequence is 0 where the decision has not come yet.
create table reports (
    decision text not null,
    action text not null,
    treatment text not null,
    outcome text not null,
    sequence integer not null,
    decision_sequence integer not null,
    primary key (decision, sequence)
) strict, without rowid;

insert into reports select decision, action, treatment, outcome, sequence, decision_sequence from outcomes;

drop table outcomes;

alter table reports rename to outcomes;

-- What the store itself keeps secret, such as the key of its tokens.
create table secrets (
    name text primary key,
    value blob not null
) strict, without rowid;
