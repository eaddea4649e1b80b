-- An applicant asks that a person looks at an automated rejection: once. The rejection that stood
-- keeps the person away until the appeal is decided.
create table appeals (
    application_id opaque_id primary key references applications,
    reason_enc     bytea not null,
    reject_code    text not null,
    reapply_on     date,
    made_by        text not null,
    made_at        timestamptz not null,
    recorded_at    timestamptz not null default now()
);
