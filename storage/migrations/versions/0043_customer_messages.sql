-- What customers are told: one row a message, written with the event that it tells of. `said` holds
-- the values without personal data; the text is never stored, only its digest and its template.
create function customer_of(subject text) returns text language sql stable as $$
    select case split_part(subject, ':', 1)
        when 'application' then
            (select applicant_id from applications where id = split_part(subject, ':', 2))
        when 'loan' then (select applicant_id from loans where id = split_part(subject, ':', 2))
        when 'drawdown' then
            (select applicant_id from drawdowns join lines on lines.id = drawdowns.line_id
             where drawdowns.id = split_part(subject, ':', 2))
        when 'applicant' then split_part(subject, ':', 2)
    end
$$;

create table customer_messages (
    id text primary key,
    purpose text not null,
    event_key text not null unique,
    subject text not null,
    applicant_id text not null references applicants (id),
    lender tenant_code not null default 'own',
    branch tenant_code not null default 'main',
    channel text not null,
    said jsonb not null,
    state text not null default 'open'
        check (state in ('open', 'sent', 'cancelled', 'undeliverable')),
    ends_at timestamptz not null,
    next_attempt_at timestamptz,
    attempts int not null default 0,
    tried text[] not null default '{}',
    via text check (via in ('sms', 'email', 'push')),
    language text,
    template text,
    text_sha256 text,
    address_enc bytea,
    failure text,
    sent_again text references customer_messages (id),
    created_at timestamptz not null default now(),
    sent_at timestamptz,
    check ((state = 'open') = (next_attempt_at is not null)),
    check (state <> 'sent' or (via is not null and template is not null and sent_at is not null))
);

create function tenant_of_message() returns trigger language plpgsql as $$
begin
    select lender, branch, channel into new.lender, new.branch, new.channel
        from applicants where id = new.applicant_id;
    return new;
end $$;
create trigger customer_messages_tenant before insert on customer_messages
    for each row execute function tenant_of_message();

create index customer_messages_due on customer_messages (next_attempt_at) where state = 'open';
create index customer_messages_of_applicant on customer_messages (applicant_id, created_at, id);
create index customer_messages_by_state on customer_messages (state, created_at, id);

-- Where a customer is reached besides the verified mobile, and in which language.
create table contact_addresses (
    applicant_id text primary key references applicants (id),
    language text check (language ~ '^[a-z]{2}(-[A-Z]{2})?$'),
    email_enc bytea,
    push_token_enc bytea,
    changed_at timestamptz not null default now()
);
