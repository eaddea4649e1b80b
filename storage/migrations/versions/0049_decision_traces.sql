-- A decision keeps what made it: the digest of its policy, the catalogue of facts, and encrypted the
-- facts with every rule's answer. Decisions of before, and those that no policy made (a lock, another
-- application that goes first), have no trace.
alter table decisions
    add column policy_sha256   text,
    add column fact_catalogue  text,
    add column grade           text,
    add column points          numeric,
    add column terms           jsonb,
    add column conditions      jsonb not null default '[]',
    add column trace_enc       bytea,
    add column duration_us     integer check (duration_us >= 0);
alter table decisions drop constraint decisions_outcome_check;
alter table decisions add constraint decisions_outcome_check
    check (outcome in ('approve', 'reject', 'refer', 'condition'));
-- The back-test and the analytics of rules read the last ones first.
create index decisions_by_time on decisions (decided_at desc, id desc);
