-- What is taken of every stock and period: reserved and confirmed units; the confirmed ones of them; units that were
-- confirmed when none were left any more. Every commit that changes a count leaves a row, and the one with the highest
-- sequence counts; older ones go now and then. See `head` for why no row is changed.
create table stocks (
    stock text collate "C" not null,
    period text collate "C" not null,
    sequence bigint not null,
    taken bigint not null,
    confirmed bigint not null,
    unmet bigint not null,
    primary key (stock, period, sequence)
);

-- What decisions reserved; a row goes with its decision. Terms are the limit of the period and the outcomes that settle
-- it; the sequence is that of the decision. Indexed by the decision alone, as outcomes are.
create table reservations (
    decision text collate "C" not null,
    action text collate "C" not null,
    treatment text collate "C" not null,
    stock text collate "C" not null,
    period text collate "C" not null,
    units bigint not null,
    lease_until bigint not null,
    terms bytea not null,
    state text collate "C" not null,
    sequence bigint not null
);

create index reservations_decision on reservations (decision);
create index reservations_due on reservations (lease_until) where state = 'reserved';
create index reservations_stock on reservations (stock, sequence);
create index reservations_sequence on reservations (sequence);

-- The last switch of every action and group.
create table switches (
    target text collate "C" primary key,
    is_off bigint not null,
    author text collate "C" not null,
    reason text collate "C" not null,
    at bigint not null,
    sequence bigint not null,
    digest bytea not null
);

create index journal_switch on journal (kind, sequence) where kind = 'switch';
