-- What applicants allow, keep and carry: consents, devices, standing, reusable elements, captures.

-- A consent is a fact and so is its revocation: neither is ever changed.
create table consents (
    id             opaque_id primary key,
    applicant_id   opaque_id not null references applicants,
    purpose        text not null check (purpose in ('identity_verification', 'operator_query',
                       'operator_report', 'contacts_check', 'face_recognition',
                       'bank_card_verification', 'bureau_query', 'data_import',
                       'credit_analysis')),
    text_version   text not null,
    text_sha256    text not null check (text_sha256 ~ '^[0-9a-f]{64}$'),
    channel        text not null,
    given_by       text not null,
    given_at       timestamptz not null,
    recorded_at    timestamptz not null default now()
);
create index consents_of on consents (applicant_id, purpose, given_at desc);

create table consent_revocations (
    consent_id     opaque_id primary key references consents,
    revoked_by     text not null,
    revoked_at     timestamptz not null,
    recorded_at    timestamptz not null default now()
);

create trigger consents_append_only before update or delete on consents
    for each row execute function append_only();
create trigger consent_revocations_append_only before update or delete on consent_revocations
    for each row execute function append_only();

-- How the lender's people know an applicant; who changed it is in the audit.
alter table applicants
    add column level  integer not null default 0 check (level between 0 and 9),
    add column labels text[] not null default '{}';

create table devices (
    application_id opaque_id not null references applications,
    applicant_id   opaque_id not null references applicants,
    device_id      text not null check (device_id ~ '^[A-Za-z0-9_-]{8,128}$'),
    platform       text not null check (platform in ('android', 'ios', 'harmony', 'web')),
    seen_at        timestamptz not null,
    primary key (application_id, device_id)
);
create index devices_of on devices (applicant_id, seen_at desc);
create index devices_by_device on devices (device_id);

alter table elements drop constraint elements_kind_check;
alter table elements add constraint elements_kind_check check (kind in (
    'real_name', 'operator', 'personal_information', 'identity_card', 'liveness', 'bank_card',
    'operator_report', 'credit_card', 'online_banking', 'ecommerce', 'company', 'guarantor',
    'card_transaction'));
create index verifications_of on verifications (application_id, kind);

-- An element that was verified for an earlier application and counts for this one, by reference.
create table element_reuses (
    application_id opaque_id not null references applications,
    kind           text not null,
    element_id     opaque_id not null references verifications,
    counts_until   date not null,
    reused_at      timestamptz not null,
    primary key (application_id, element_id)
);
create trigger element_reuses_append_only before update or delete on element_reuses
    for each row execute function append_only();

-- An element that its source fetches in steps; written before the source is first asked.
create table captures (
    element_id     opaque_id primary key references elements,
    workflow_id    text not null,
    state          text not null check (state in ('begun', 'awaiting_code', 'pending', 'done',
                       'ended')),
    reference      text,
    authorise_url_enc bytea,
    reason         text,
    wrong_codes    integer not null default 0,
    begun_at       timestamptz not null,
    changed_at     timestamptz not null default now(),
    check ((state = 'ended') = (reason is not null))
);

-- A code that an applicant entered: kept until its source has answered, then only that it was.
create table capture_codes (
    id             opaque_id primary key,
    element_id     opaque_id not null references captures,
    code_enc       bytea,
    entered_at     timestamptz not null default now()
);

create table supplements (
    application_id opaque_id not null references applications,
    round          integer not null check (round > 0),
    kinds          text[] not null check (cardinality(kinds) > 0),
    reason         text not null,
    requested_by   text not null,
    requested_at   timestamptz not null,
    due_at         timestamptz not null,
    completed_at   timestamptz,
    primary key (application_id, round)
);

-- A task waits while its application is supplemented, and goes back to who asked for it.
alter table review_tasks
    add column paused_at   timestamptz,
    add column assigned_to text;
