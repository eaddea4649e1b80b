-- Who looked at whose personal data, and why. It outlives the person's data: no reference.
create table personal_data_views (
    id           bigint generated always as identity primary key,
    applicant_id opaque_id not null,
    case_id      opaque_id not null,
    viewer       text not null,
    role         text not null,
    kind         text not null check (kind in ('document', 'picture', 'file', 'unmasked')),
    item         text,
    purpose      text,
    bytes        integer not null default 0,
    viewed_at    timestamptz not null,
    until        timestamptz,
    check ((kind = 'unmasked') = (until is not null and purpose is not null))
);
create index personal_data_views_of on personal_data_views (applicant_id, id desc);
create index personal_data_views_by on personal_data_views (viewer, viewed_at);
create trigger personal_data_views_append_only before update or delete on personal_data_views
    for each row execute function append_only();

-- What a reviewer said of one document, or which one more they asked for by its name.
create table document_judgements (
    id             opaque_id primary key,
    application_id opaque_id not null references applications on delete cascade,
    document       text not null check (document in (
        'identity_card.front', 'identity_card.back', 'liveness', 'extra')),
    element_id     opaque_id references elements on delete cascade,
    name_enc       bytea,
    verdict        text not null check (verdict in ('accepted', 'again')),
    reason         text,
    judged_by      text not null,
    judged_at      timestamptz not null,
    check ((document = 'extra') = (element_id is null)),
    check ((document = 'extra') = (name_enc is not null)),
    check (verdict = 'accepted' or reason is not null)
);
create index document_judgements_of on document_judgements (application_id, judged_at);

-- Files beside the elements: what staff put into the case, and what an applicant was asked for by
-- name. They go with the application.
create table application_files (
    id             opaque_id primary key,
    application_id opaque_id not null references applications on delete cascade,
    judgement_id   opaque_id references document_judgements on delete cascade,
    name_enc       bytea not null,
    media_type     text not null
        check (media_type in ('application/pdf', 'image/jpeg', 'image/png')),
    bytes          integer not null check (bytes between 1 and 10485760),
    content_enc    bytea not null,
    content_idx    bytea not null,
    added_by       text not null,
    added_at       timestamptz not null
);
create index application_files_of on application_files (application_id, added_at);
create unique index application_files_asked_for on application_files (judgement_id);
