-- What was done names the version of what was in force then, as `kind/code@version`; rows of before
-- name none.
alter table quotes add column rate_caps text check (rate_caps ~ '^rate_caps/.+@[0-9]+$');

alter table consents add column definition text
    check (definition ~ '^consent_text/.+@[0-9]+$');

alter table enquiries add column definition text check (definition ~ '^source/.+@[0-9]+$');

-- The first half of an enquiry in one statement: the answer that is known already, or the right to
-- ask, with the time until its turn. Equal questions pass one after the other; none of the locks
-- outlives the statement, and a source's turn is the last of them: locks are taken in one order.
-- p_lost_cost is what an attempt is taken to have cost whose end nobody recorded; p_gap is the time
-- between two calls (null: no limit), p_longest how far ahead a turn may be. One that is further
-- away is `throttled`: it is not taken and nothing is counted. p_definition names the version of the
-- source's profile.
drop function enquiry_begin;
create function enquiry_begin(
    p_source text, p_capability text, p_operation text, p_applicant text, p_application text,
    p_request text, p_consent text, p_input bytea, p_asked jsonb, p_at timestamptz, p_on date,
    p_quota integer, p_currency text, p_lost_cost bigint, p_lease interval, p_may_ask boolean,
    p_reuse boolean, p_gap interval, p_longest interval, p_definition text
) returns table (step text, enquiry bigint, answer bytea, asked_today integer, wait interval)
language plpgsql as $$
declare
    known enquiries;
    counted integer;
    turn_at timestamptz;
begin
    perform pg_advisory_xact_lock(
        hashtextextended(p_source || ':' || encode(p_input, 'hex'), 4201004));
    -- Who is just recording an answer is waited for: what is on its way below has not ended.
    perform from enquiries e
        where e.source = p_source and e.input_idx = p_input and e.state = 'asking' for update;
    if p_reuse then
        select * into known from enquiries e
            where e.source = p_source and e.input_idx = p_input and e.answer_enc is not null
                and (e.valid_until > p_at or e.request_id = p_request)
            order by e.id desc limit 1;
        if found then
            insert into enquiries (source, definition, capability, operation, applicant_id, application_id,
                    request_id, consent_id, input_idx, asked, state, outcome, reused,
                    business_date, currency, asked_at)
                values (p_source, p_definition, p_capability, p_operation, p_applicant, p_application,
                    p_request, p_consent, p_input, p_asked, 'done', 'reused', known.id,
                    p_on, p_currency, p_at);
            insert into enquiry_usage as u (source, business_date, currency, reused)
                values (p_source, p_on, p_currency, 1)
                on conflict on constraint enquiry_usage_pkey do update set reused = u.reused + 1;
            return query select 'reused', known.id, known.answer_enc, null::integer, null::interval;
            return;
        end if;
    end if;
    select * into known from enquiries e
        where e.source = p_source and e.input_idx = p_input and e.state = 'asking';
    if found and known.leased_until > clock_timestamp() then
        return query select 'on_its_way', known.id, null::bytea, null::integer, null::interval;
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
        return query
            select 'not_asked', null::bigint, null::bytea, null::integer, null::interval;
        return;
    end if;
    insert into enquiry_usage as u (source, business_date, currency, asked)
        select p_source, p_on, p_currency, 1 where p_quota is null or p_quota > 0
        on conflict on constraint enquiry_usage_pkey do update set asked = u.asked + 1
            where p_quota is null or u.asked < p_quota
        returning u.asked into counted;
    if not found then
        insert into enquiries (source, definition, capability, operation, applicant_id, application_id,
                request_id, consent_id, input_idx, asked, state, outcome, business_date,
                currency, asked_at)
            values (p_source, p_definition, p_capability, p_operation, p_applicant, p_application,
                p_request, p_consent, p_input, p_asked, 'done', 'exhausted', p_on,
                p_currency, p_at);
        return query
            select 'exhausted', null::bigint, null::bytea, null::integer, null::interval;
        return;
    end if;
    if p_gap is not null then
        -- A turn that lies further ahead than any that was ever given is another limit's, or was
        -- written before the clock was set back: it counts for nothing.
        insert into enquiry_turns as t (source, next_at)
            values (p_source, clock_timestamp() + p_gap)
            on conflict on constraint enquiry_turns_pkey do update
                set next_at = p_gap + case
                    when t.next_at between clock_timestamp()
                        and clock_timestamp() + p_longest + p_gap then t.next_at
                    else clock_timestamp() end
                where t.next_at <= clock_timestamp() + p_longest
                    or t.next_at > clock_timestamp() + p_longest + p_gap
            returning t.next_at - p_gap into turn_at;
        if not found then
            update enquiry_usage u set asked = u.asked - 1
                where u.source = p_source and u.business_date = p_on and u.currency = p_currency;
            return query
                select 'throttled', null::bigint, null::bytea, null::integer,
                    t.next_at - clock_timestamp()
                from enquiry_turns t where t.source = p_source;
            return;
        end if;
    end if;
    return query insert into enquiries (source, definition, capability, operation, applicant_id,
            application_id, request_id, consent_id, input_idx, asked, state, leased_until,
            business_date, currency, asked_at)
        values (p_source, p_definition, p_capability, p_operation, p_applicant, p_application, p_request,
            p_consent, p_input, p_asked, 'asking', clock_timestamp() + p_lease, p_on,
            p_currency, p_at)
        returning 'ask', enquiries.id, null::bytea, counted,
            greatest(turn_at - clock_timestamp(), interval '0');
end $$;

alter table collection_actions
    add column template text check (template ~ '^message_template/.+@[0-9]+$'),
    add column contact_limits text check (contact_limits ~ '^contact_limits/.+@[0-9]+$');

alter table scr_consents
    add column template text check (template ~ '^message_template/.+@[0-9]+$');
