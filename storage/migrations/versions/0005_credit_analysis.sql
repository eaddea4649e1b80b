-- Credit analyses that we do for clients, and opinions that we ask of other analysts. The proposal
-- is one encrypted document; the client's own id and the document number are found by keyed index.

create table credit_analyses (
    id             opaque_id primary key,
    client         text not null check (client ~ '^[A-Za-z0-9_-]{1,64}$'),
    kind           text not null check (kind in ('legal_person', 'natural_person')),
    proposal_idx   bytea not null,
    registration_idx bytea,
    document_number_idx bytea not null,
    document_enc   bytea not null,
    policy         text not null,
    status         text not null check (status in ('automatically_approved',
                       'automatically_reproved', 'in_manual_analysis', 'manually_approved',
                       'manually_reproved', 'waiting_for_data', 'automatically_challenged',
                       'manually_challenged', 'pending')),
    reason         text not null,
    state_seq      integer not null default 0,
    policy_version text,
    coverage       numeric,
    score          integer,
    hits           jsonb,
    review_due_at  timestamptz,
    received_at    timestamptz not null default now(),
    changed_at     timestamptz not null default now(),
    unique (client, proposal_idx)
);
create index credit_analyses_by_registration on credit_analyses (client, registration_idx)
    where registration_idx is not null;
create index credit_analyses_by_number on credit_analyses (document_number_idx);
create index credit_analyses_in_review on credit_analyses (review_due_at, id)
    where status = 'in_manual_analysis';

-- What registers said of the parties of a proposal: codes and counts.
create table analysis_checks (
    analysis_id    opaque_id not null references credit_analyses,
    party          text not null,
    mismatch       text,
    adverse_facts  integer,
    constituted_on date,
    provider       text not null,
    checked_at     timestamptz not null default now(),
    primary key (analysis_id, party)
);

-- One row for each status that the client is to be told, in the order of state_seq.
create table analysis_notices (
    analysis_id    opaque_id not null references credit_analyses,
    state_seq      integer not null,
    status         text not null,
    reason         text not null,
    event_date     timestamptz not null,
    state          text not null check (state in ('open', 'answered', 'delivered', 'unaddressed',
                       'dead')),
    attempts       integer not null default 0,
    last_outcome   text,
    changed_at     timestamptz not null default now(),
    primary key (analysis_id, state_seq)
);
create index analysis_notices_dead on analysis_notices (changed_at) where state = 'dead';

-- What became of the credit on the client's side, in the order of its reports.
create table analysis_feedback (
    sequence       bigint generated always as identity primary key,
    analysis_id    opaque_id not null references credit_analyses,
    credit_proposal_status text not null check (credit_proposal_status in ('created', 'disbursed',
                       'paid', 'defaulted')),
    event_date     timestamptz not null,
    recorded_at    timestamptz not null default now(),
    unique (analysis_id, credit_proposal_status, event_date)
);
create trigger analysis_feedback_append_only before update or delete on analysis_feedback
    for each row execute function append_only();

create table external_opinions (
    id             opaque_id primary key,
    analysis_id    opaque_id not null unique references credit_analyses,
    provider       text not null check (provider in ('qitech')),
    kind           text not null check (kind in ('legal_person', 'natural_person')),
    status         text not null,
    raw_status     text not null,
    event_date     timestamptz,
    asked_at       timestamptz not null default now(),
    changed_at     timestamptz not null default now()
);
