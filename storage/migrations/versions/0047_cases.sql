-- Something that a person has to look at. `subject` is the id of what it is about, of a review the
-- application; who holds it works on it until `claimed_until`.
create table cases (
    id            opaque_id primary key,
    kind          text not null check (kind in ('review')),
    subject       opaque_id not null,
    lender        tenant_code not null default 'own',
    branch        tenant_code not null default 'main',
    channel       text not null,
    product       text not null,
    currency      currency_code not null,
    amount        money_minor not null check (amount > 0),
    instalments   integer not null,
    score         integer,
    rules         text[] not null default '{}',
    overridden_by text[] not null default '{}',
    stage         text not null default 'initial' check (stage in ('initial', 'final')),
    queue         text not null,
    skill         text,
    strategy      text not null,
    state         text not null default 'open' check (state in ('open', 'closed')),
    outcome       text check (outcome in ('approved', 'rejected', 'abandoned')),
    opened_at     timestamptz not null,
    due_at        timestamptz not null,
    paused_at     timestamptz,
    escalated_at  timestamptz,
    assigned_to   text,
    claimed_by    text,
    claimed_until timestamptz,
    initial_by    text,
    second_reason text,
    approved_amount      money_minor,
    approved_instalments integer,
    decided_by    text,
    reason        text,
    decided_at    timestamptz,
    check ((state = 'closed') = (outcome is not null)),
    check (coalesce(outcome in ('approved', 'rejected'), false) = (decided_by is not null)),
    check ((claimed_by is null) = (claimed_until is null)),
    check ((stage = 'final') = (second_reason is not null)),
    unique (kind, subject)
);
create index case_queue on cases (due_at, id) where state = 'open';
create index cases_of_people on cases (assigned_to) where state = 'open';

create function tenant_of_case() returns trigger language plpgsql as $$
begin
    select lender, branch into new.lender, new.branch from applications where id = new.subject;
    return new;
end $$;
create trigger cases_tenant before insert on cases
    for each row execute function tenant_of_case();

-- What was done on a case: append-only. Texts may tell of people and are encrypted.
create table case_log (
    id        bigint generated always as identity primary key,
    case_id   opaque_id not null references cases,
    at        timestamptz not null,
    actor     text not null,
    entry     text not null,
    detail    jsonb not null default '{}',
    text_enc  bytea,
    event_key text not null unique
);
create index case_log_of on case_log (case_id, id);
create trigger case_log_append_only before update or delete on case_log
    for each row execute function append_only();

insert into cases (id, kind, subject, channel, product, currency, amount, instalments, queue,
        strategy, state, outcome, opened_at, due_at, paused_at, assigned_to, decided_by, reason,
        decided_at)
    select 'cas' || substr(r.id, 4), 'review', r.application_id, a.channel, a.product, a.currency,
        a.amount, a.instalments, 'initial', 'review_strategy/standard@1',
        case r.state when 'open' then 'open' else 'closed' end,
        case r.state when 'open' then null when 'closed' then 'abandoned' else r.state end,
        r.opened_at, r.due_at, r.paused_at, r.assigned_to, r.decided_by, r.reason, r.decided_at
    from review_tasks r join applications a on a.id = r.application_id;
drop table review_tasks;
