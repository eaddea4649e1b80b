-- Who of a proposal's signers was asked for consent, by a link of which only the digest stays: the
-- token itself is encrypted until the message with it is sent.
create table scr_consents (
    id             opaque_id primary key,
    analysis_id    opaque_id not null references credit_analyses,
    signer         integer not null check (signer >= 0),
    token_hash     bytea not null unique check (octet_length(token_hash) = 32),
    token_enc      bytea,
    state          text not null default 'open' check (state in ('open', 'sent', 'unreachable')),
    expires_at     timestamptz not null,
    invited_at     timestamptz not null default now(),
    unique (analysis_id, signer),
    check ((token_enc is not null) = (state = 'open'))
);

-- What was signed: the version of the words and when. Evidence.
create table scr_signatures (
    consent_id     opaque_id primary key references scr_consents,
    text_version   text not null,
    text_sha256    text not null check (text_sha256 ~ '^[0-9a-f]{64}$'),
    signed_at      timestamptz not null,
    recorded_at    timestamptz not null default now()
);
create trigger scr_signatures_append_only before update or delete on scr_signatures
    for each row execute function append_only();
create trigger scr_signatures_not_emptied before truncate on scr_signatures
    for each statement execute function append_only();

-- What became of a client's report at the analyst whose opinion was asked for; a report without a
-- row is still to be passed on.
create table feedback_relays (
    sequence       bigint primary key references analysis_feedback,
    state          text not null check (state in ('sent', 'refused', 'dead')),
    outcome        text not null check (outcome ~ '^[a-z][a-z0-9_]{0,39}$'),
    settled_at     timestamptz not null default now()
);
create trigger feedback_relays_append_only before update or delete on feedback_relays
    for each row execute function append_only();
