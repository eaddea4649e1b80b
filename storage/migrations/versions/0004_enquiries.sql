-- Enquiries at third parties: one row an attempt, with what it cost and under which consent. What
-- was asked and answered is masked; input_idx is a keyed digest; the answer itself is encrypted and
-- kept for reuse.
create table enquiries (
    id             bigint generated always as identity primary key,
    source         text not null check (source ~ '^[a-z][a-z0-9_]{0,39}$'),
    capability     text not null check (capability ~ '^[a-z][a-z_]{0,39}$'),
    operation      text not null check (operation ~ '^[a-z][a-z_]{0,39}$'),
    applicant_id   opaque_id references applicants,
    application_id opaque_id references applications,
    request_id     text not null check (request_id ~ '^[A-Za-z0-9_:.-]{1,128}$'),
    consent_id     opaque_id,
    input_idx      bytea not null check (octet_length(input_idx) = 32),
    asked          jsonb not null,
    state          text not null check (state in ('asking', 'done')),
    leased_until   timestamptz,
    outcome        text check (outcome in ('match', 'mismatch', 'unavailable', 'rejected',
                       'unsent', 'lost', 'reused', 'exhausted')),
    code           text check (code ~ '^[a-z][a-z0-9_]{0,39}$'),
    answered       jsonb,
    answer_enc     bytea,
    valid_until    timestamptz,
    reused         bigint references enquiries,
    milliseconds   integer check (milliseconds >= 0),
    business_date  date not null,
    cost           money_minor not null default 0 check (cost >= 0),
    currency       currency_code not null,
    asked_at       timestamptz not null,
    recorded_at    timestamptz not null default now(),
    check ((state = 'done') = (outcome is not null)),
    check ((state = 'asking') = (leased_until is not null)),
    check ((outcome = 'reused') = (reused is not null)),
    check (answer_enc is null or valid_until is not null)
);
-- Whoever writes: one question to one source is never on its way twice.
create unique index enquiries_on_their_way on enquiries (source, input_idx) where state = 'asking';
create index enquiries_known on enquiries (source, input_idx, id) where answer_enc is not null;
create index enquiries_of_application on enquiries (application_id, id);
create index enquiries_of_applicant on enquiries (applicant_id, id);

-- What has ended is not changed, but for the answer: it may be forgotten.
create function enquiries_kept() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and (old.state = 'asking' or (new.answer_enc is null
            and to_jsonb(new) - 'answer_enc' = to_jsonb(old) - 'answer_enc')) then
        return new;
    end if;
    raise exception 'an enquiry that has ended is not changed' using errcode = 'restrict_violation';
end $$;
create trigger enquiries_kept before update or delete on enquiries
    for each row execute function enquiries_kept();
create trigger enquiries_not_emptied before truncate on enquiries
    for each statement execute function append_only();

-- Quotas and costs of a source on one business date; `asked` is what counts against its quota.
create table enquiry_usage (
    source         text not null,
    business_date  date not null,
    currency       currency_code not null,
    asked          integer not null default 0 check (asked >= 0),
    answered       integer not null default 0,
    failed         integer not null default 0,
    reused         integer not null default 0,
    cost           bigint not null default 0,
    primary key (source, business_date, currency)
);

-- The first half of an enquiry in one statement: the answer that is known already, or the right to
-- ask. Equal questions pass one after the other; none of the locks outlives the statement.
-- p_lost_cost is what an attempt is taken to have cost whose end nobody recorded.
create function enquiry_begin(
    p_source text, p_capability text, p_operation text, p_applicant text, p_application text,
    p_request text, p_consent text, p_input bytea, p_asked jsonb, p_at timestamptz, p_on date,
    p_quota integer, p_currency text, p_lost_cost bigint, p_lease interval, p_may_ask boolean,
    p_reuse boolean
) returns table (step text, enquiry bigint, answer bytea) language plpgsql as $$
declare
    known enquiries;
begin
    perform pg_advisory_xact_lock(
        hashtextextended(p_source || ':' || encode(p_input, 'hex'), 4201004));
    if p_reuse then
        select * into known from enquiries e
            where e.source = p_source and e.input_idx = p_input and e.answer_enc is not null
                and (e.valid_until > p_at or e.request_id = p_request)
            order by e.id desc limit 1;
        if found then
            insert into enquiries (source, capability, operation, applicant_id, application_id,
                    request_id, consent_id, input_idx, asked, state, outcome, reused,
                    business_date, currency, asked_at)
                values (p_source, p_capability, p_operation, p_applicant, p_application,
                    p_request, p_consent, p_input, p_asked, 'done', 'reused', known.id,
                    p_on, p_currency, p_at);
            insert into enquiry_usage as u (source, business_date, currency, reused)
                values (p_source, p_on, p_currency, 1)
                on conflict on constraint enquiry_usage_pkey do update set reused = u.reused + 1;
            return query select 'reused', known.id, known.answer_enc;
            return;
        end if;
    end if;
    select * into known from enquiries e
        where e.source = p_source and e.input_idx = p_input and e.state = 'asking';
    if found and known.leased_until > clock_timestamp() then
        return query select 'on_its_way', known.id, null::bytea;
        return;
    end if;
    if found then
        update enquiries e
            set state = 'done', outcome = 'lost', leased_until = null, cost = p_lost_cost
            where e.id = known.id;
        update enquiry_usage u set failed = u.failed + 1, cost = u.cost + p_lost_cost
            where u.source = p_source and u.business_date = known.business_date
                and u.currency = known.currency;
    end if;
    if not p_may_ask then
        return query select 'not_asked', null::bigint, null::bytea;
        return;
    end if;
    insert into enquiry_usage as u (source, business_date, currency, asked)
        select p_source, p_on, p_currency, 1 where p_quota is null or p_quota > 0
        on conflict on constraint enquiry_usage_pkey do update set asked = u.asked + 1
            where p_quota is null or u.asked < p_quota;
    if not found then
        insert into enquiries (source, capability, operation, applicant_id, application_id,
                request_id, consent_id, input_idx, asked, state, outcome, business_date,
                currency, asked_at)
            values (p_source, p_capability, p_operation, p_applicant, p_application,
                p_request, p_consent, p_input, p_asked, 'done', 'exhausted', p_on,
                p_currency, p_at);
        return query select 'exhausted', null::bigint, null::bytea;
        return;
    end if;
    return query insert into enquiries (source, capability, operation, applicant_id,
            application_id, request_id, consent_id, input_idx, asked, state, leased_until,
            business_date, currency, asked_at)
        values (p_source, p_capability, p_operation, p_applicant, p_application, p_request,
            p_consent, p_input, p_asked, 'asking', clock_timestamp() + p_lease, p_on,
            p_currency, p_at)
        returning 'ask', enquiries.id, null::bytea;
end $$;
