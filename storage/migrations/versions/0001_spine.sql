-- The record of one lender. Money is bigint minor units; instants are timestamptz; personal columns
-- end in _enc (AES-256-GCM, key id inside) or _idx (keyed HMAC for look-up). Constraints guard what
-- must hold whoever writes.

create domain opaque_id as text check (value ~ '^[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}$');
create domain money_minor as bigint;
create domain currency_code as char(3) check (value ~ '^[A-Z]{3}$');

create table applicants (
    id                  opaque_id primary key,
    channel             text not null,
    customer_reference  text not null check (customer_reference ~ '^[A-Za-z0-9_-]{1,64}$'),
    name_enc            bytea,
    identity_number_enc bytea,
    identity_number_idx bytea,
    mobile_enc          bytea,
    mobile_idx          bytea,
    bank_card_enc       bytea,
    bank_card_idx       bytea,
    created_at          timestamptz not null default now(),
    unique (channel, customer_reference)
);
create index applicants_identity on applicants (identity_number_idx);

create table applications (
    id             opaque_id primary key,
    applicant_id   opaque_id not null references applicants,
    product        text not null,
    channel        text not null,
    currency       currency_code not null,
    amount         money_minor not null check (amount > 0),
    instalments    integer not null check (instalments between 1 and 120),
    state          text not null check (state in ('collecting', 'deciding', 'in_review', 'offered',
                       'accepted', 'rejected', 'withdrawn', 'expired')),
    waiting        text not null check (waiting in ('applicant', 'provider', 'decision', 'reviewer',
                       'nothing')),
    reject_code    text,
    reapply_on     date,
    state_seq      integer not null default 0,
    created_by     text not null,
    created_at     timestamptz not null default now(),
    changed_at     timestamptz not null default now(),
    check ((state = 'rejected') = (reject_code is not null))
);
create index applications_by_applicant on applications (applicant_id, created_at desc);
create index applications_page on applications (created_at desc, id desc);

create table elements (
    id             opaque_id primary key,
    application_id opaque_id not null references applications,
    kind           text not null check (kind in ('real_name', 'operator', 'personal_information',
                       'identity_card', 'liveness', 'bank_card')),
    attempt        integer not null check (attempt > 0),
    data_enc       bytea not null,
    data_idx       bytea not null,
    submitted_at   timestamptz not null default now(),
    unique (application_id, kind, attempt)
);

create table verifications (
    element_id     opaque_id primary key references elements,
    application_id opaque_id not null references applications,
    kind           text not null,
    verdict        text not null check (verdict in ('match', 'mismatch')),
    reason         text,
    facts          jsonb not null,
    provider       text not null,
    verified_at    timestamptz not null,
    recorded_at    timestamptz not null default now(),
    check ((verdict = 'mismatch') = (reason is not null))
);

create table decisions (
    id             opaque_id primary key,
    application_id opaque_id not null references applications,
    stage          text not null check (stage in ('automatic', 'review')),
    attempt        integer not null check (attempt > 0),
    outcome        text not null check (outcome in ('approve', 'reject', 'refer')),
    policy_version text not null,
    score          integer,
    facts          jsonb not null,
    rules          jsonb not null,
    reject_code    text,
    reapply_on     date,
    decided_by     text not null,
    decided_at     timestamptz not null,
    recorded_at    timestamptz not null default now(),
    unique (application_id, stage, attempt),
    check ((outcome = 'reject') = (reject_code is not null))
);

create table review_tasks (
    id             opaque_id primary key,
    application_id opaque_id not null unique references applications,
    state          text not null check (state in ('open', 'approved', 'rejected', 'closed')),
    opened_at      timestamptz not null,
    due_at         timestamptz not null,
    decided_by     text,
    reason         text,
    decided_at     timestamptz,
    check ((state in ('approved', 'rejected')) = (decided_by is not null))
);
create index review_queue on review_tasks (due_at, id) where state = 'open';

create table offers (
    id             opaque_id primary key,
    application_id opaque_id not null unique references applications,
    state          text not null check (state in ('open', 'accepted', 'lapsed')),
    currency       currency_code not null,
    amount         money_minor not null check (amount > 0),
    instalments    integer not null,
    annual_rate    numeric(9, 6) not null check (annual_rate >= 0),
    penalty_annual_rate numeric(9, 6) not null check (penalty_annual_rate >= 0),
    mode           text not null check (mode in ('single_batch', 'revolving')),
    made_at        timestamptz not null,
    expires_at     timestamptz not null
);

create table lines (
    id             opaque_id primary key,
    application_id opaque_id not null unique references applications,
    applicant_id   opaque_id not null references applicants,
    offer_id       opaque_id not null unique references offers,
    state          text not null check (state in ('active', 'frozen', 'used', 'expired', 'closed')),
    mode           text not null check (mode in ('single_batch', 'revolving')),
    currency       currency_code not null,
    credit_limit   money_minor not null check (credit_limit > 0),
    reserved       money_minor not null default 0 check (reserved >= 0),
    drawn          money_minor not null default 0 check (drawn >= 0),
    opened_at      timestamptz not null,
    expires_at     timestamptz not null,
    check (reserved + drawn <= credit_limit)
);

create table quotes (
    id             opaque_id primary key,
    line_id        opaque_id not null references lines,
    currency       currency_code not null,
    amount         money_minor not null check (amount > 0),
    terms          jsonb not null,
    plan           jsonb not null,
    plan_hash      char(64) not null,
    quoted_at      timestamptz not null,
    expires_at     timestamptz not null
);

create table drawdowns (
    id             opaque_id primary key,
    line_id        opaque_id not null references lines,
    quote_id       opaque_id not null unique references quotes,
    loan_id        opaque_id not null unique,
    currency       currency_code not null,
    amount         money_minor not null check (amount > 0),
    state          text not null check (state in ('reserved', 'signed', 'disbursing', 'disbursed',
                       'failed')),
    contract_no    text not null unique,
    contract_sha256 char(64),
    evidence_id    text,
    failure        text,
    requested_at   timestamptz not null,
    changed_at     timestamptz not null default now()
);
create index drawdowns_by_line on drawdowns (line_id);

create table loans (
    id             opaque_id primary key,
    drawdown_id    opaque_id not null unique references drawdowns,
    line_id        opaque_id not null references lines,
    applicant_id   opaque_id not null references applicants,
    currency       currency_code not null,
    principal      money_minor not null check (principal > 0),
    terms          jsonb not null,
    plan           jsonb not null,
    plan_hash      char(64) not null,
    state          text not null check (state in ('current', 'overdue', 'settled')),
    bucket         text not null default 'M0',
    days_past_due  integer not null default 0 check (days_past_due >= 0),
    principal_outstanding money_minor not null check (principal_outstanding >= 0),
    next_due_on    date,
    next_due_amount money_minor,
    business_date  date not null,
    disbursed_on   date not null,
    settled_on     date,
    state_seq      integer not null default 0,
    recorded_at    timestamptz not null default now(),
    check ((state = 'settled') = (settled_on is not null))
);
create index loans_by_applicant on loans (applicant_id, recorded_at desc);
create index loans_page on loans (recorded_at desc, id desc);

create table loan_events (
    sequence       bigint generated always as identity primary key,
    loan_id        opaque_id not null references loans,
    event_key      text not null unique,
    kind           text not null,
    business_date  date not null,
    event          jsonb not null,
    recorded_at    timestamptz not null default now()
);
create index loan_events_of on loan_events (loan_id, sequence);

-- A projection of `position`; rebuilt from terms and events at every event.
create table instalments (
    loan_id        opaque_id not null references loans,
    number         integer not null check (number > 0),
    due_on         date not null,
    principal      money_minor not null,
    interest       money_minor not null,
    waived_interest money_minor not null default 0,
    penalty        money_minor not null default 0,
    paid_principal money_minor not null default 0,
    paid_interest  money_minor not null default 0,
    paid_penalty   money_minor not null default 0,
    state          text not null check (state in ('upcoming', 'due', 'overdue', 'paid')),
    paid_on        date,
    primary key (loan_id, number)
);

create table journal (
    id             bigint generated always as identity primary key,
    entry_key      text not null unique,
    loan_id        opaque_id not null references loans,
    kind           text not null,
    business_date  date not null,
    recorded_at    timestamptz not null default now()
);

create index journal_of on journal (loan_id, business_date);

create table entries (
    journal_id     bigint not null references journal,
    line           integer not null,
    account        text not null,
    currency       currency_code not null,
    amount         money_minor not null check (amount <> 0),
    primary key (journal_id, line)
);
create index entries_by_account on entries (account);

-- Debits are positive, credits negative: an entry that does not sum to zero never commits.
create function journal_balances() returns trigger language plpgsql as $$
begin
    if exists (select 1 from entries where journal_id = new.journal_id
               group by currency having sum(amount) <> 0) then
        raise exception 'journal entry % does not balance', new.journal_id
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger entries_balance after insert on entries
    deferrable initially deferred for each row execute function journal_balances();

create function append_only() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger journal_append_only before update or delete on journal
    for each row execute function append_only();
create trigger entries_append_only before update or delete on entries
    for each row execute function append_only();
create trigger loan_events_append_only before update or delete on loan_events
    for each row execute function append_only();

-- One row for each order to move money; written before the order is sent.
create table transfers (
    order_no       text primary key,
    kind           text not null check (kind in ('disbursement', 'debit')),
    workflow_id    text not null,
    loan_id        opaque_id not null,
    currency       currency_code not null,
    amount         money_minor not null check (amount > 0),
    state          text not null check (state in ('requested', 'processing', 'succeeded', 'failed')),
    reason         text,
    requested_at   timestamptz not null default now(),
    changed_at     timestamptz not null default now(),
    check ((state = 'failed') = (reason is not null))
);

create table repayments (
    id             opaque_id primary key,
    loan_id        opaque_id not null references loans,
    source         text not null check (source in ('auto_debit', 'borrower', 'payoff')),
    order_no       text not null unique,
    currency       currency_code not null,
    amount         money_minor not null check (amount > 0),
    payoff_quote   jsonb,
    state          text not null check (state in ('processing', 'settled', 'failed')),
    reason         text,
    requested_on   date not null,
    settled_on     date,
    requested_at   timestamptz not null default now(),
    changed_at     timestamptz not null default now(),
    check ((state = 'settled') = (settled_on is not null))
);
create unique index one_repayment_in_flight on repayments (loan_id) where state = 'processing';

create table collection_actions (
    id             opaque_id primary key,
    loan_id        opaque_id not null references loans,
    episode        integer not null,
    step           text not null,
    channel        text not null check (channel in ('sms', 'call_task')),
    state          text not null check (state in ('open', 'sent', 'done', 'cancelled')),
    days_past_due  integer not null,
    due_on         date not null,
    result         text,
    handled_by     text,
    created_at     timestamptz not null default now(),
    changed_at     timestamptz not null default now(),
    unique (loan_id, episode, step)
);
create index collection_queue on collection_actions (created_at, id) where state = 'open';

-- Facts for others, written with the change they tell of; the event stream reads them.
create table outbox (
    id             bigint generated always as identity primary key,
    aggregate      text not null,
    kind           text not null,
    event_key      text not null unique,
    payload        jsonb not null,
    recorded_at    timestamptz not null default now()
);
create index outbox_of on outbox (aggregate, id);
create function outbox_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('outbox', new.aggregate);
    return null;
end $$;
create trigger outbox_wakes after insert on outbox
    for each row execute function outbox_notify();

create table audit (
    id             bigint generated always as identity primary key,
    actor          text not null,
    role           text not null,
    action         text not null,
    subject        text not null,
    outcome        text not null,
    detail         jsonb not null default '{}',
    event_key      text unique,
    recorded_at    timestamptz not null default now()
);
create index audit_of on audit (subject, id);
create trigger audit_append_only before update or delete on audit
    for each row execute function append_only();

create table callbacks (
    event_id       text primary key,
    order_no       text not null,
    body_sha256    bytea not null,
    body           jsonb not null,
    received_at    timestamptz not null default now()
);

-- The stored answer to each Idempotency-Key, by the caller and the route. A body can hold personal
-- data of few possible values, so its digest is a keyed one.
create table api_requests (
    subject        text not null,
    route          text not null,
    key            text not null check (length(key) between 1 and 255),
    body_idx       bytea not null,
    state          text not null check (state in ('in_progress', 'done')),
    leased_until   timestamptz not null,
    status         integer,
    response       jsonb,
    created_at     timestamptz not null default now(),
    check ((state = 'done') = (status is not null)),
    primary key (subject, route, key)
);
