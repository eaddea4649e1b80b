-- One limit a person and campaign: `person` is the digest of the identity number, so that somebody
-- who is known in two channels is granted one.
create table preapprovals (
    id text primary key,
    campaign text not null,
    definition text not null,
    applicant_id text not null references applicants (id),
    person text not null,
    lender tenant_code not null default 'own',
    branch tenant_code not null default 'main',
    channel text not null,
    product text not null,
    currency text not null,
    amount bigint not null check (amount > 0),
    instalments int not null check (instalments > 0),
    annual_rate numeric not null,
    policy text not null,
    evaluation_enc bytea not null,
    granted_on date not null,
    valid_until date not null check (valid_until >= granted_on),
    granted_at timestamptz not null default now(),
    unique (campaign, person)
);
create trigger preapprovals_tenant before insert on preapprovals
    for each row execute function tenant_of_message();
create index preapprovals_of_applicant on preapprovals (applicant_id, granted_at, id);

-- How far a campaign came on a day: the next run goes on behind `after_id`.
create table campaign_days (
    campaign text not null,
    day date not null,
    after_id text not null default '',
    looked_at bigint not null default 0,
    granted bigint not null default 0,
    is_done boolean not null default false,
    primary key (campaign, day)
);
