-- What is taken of every stock and period: reserved and confirmed units; the confirmed ones of them; units that were
-- confirmed when none were left any more. The sequence is that of the entry that changed it last.
create table stocks (
    stock text not null,
    period text not null,
    sequence integer not null,
    taken integer not null,
    confirmed integer not null,
    unmet integer not null,
    primary key (stock, period)
) strict, without rowid;

-- What decisions reserved; a row goes with its decision. Terms are the limit of the period and the outcomes that settle
-- it; the sequence is that of the decision.
create table reservations (
    decision text not null,
    action text not null,
    treatment text not null,
    stock text not null,
    period text not null,
    units integer not null,
    lease_until integer not null,
    terms blob not null,
    state text not null,
    sequence integer not null,
    primary key (decision, action, treatment, stock)
) strict, without rowid;

create index reservations_due on reservations (lease_until) where state = 'reserved';
create index reservations_stock on reservations (stock, sequence);
create index reservations_sequence on reservations (sequence);

-- The last switch of every action and group.
create table switches (
    target text primary key,
    is_off integer not null,
    author text not null,
    reason text not null,
    at integer not null,
    sequence integer not null,
    digest blob not null
) strict, without rowid;

create index journal_switch on journal (kind, sequence) where kind = 'switch';
