-- When an applicant was told what the face has to do, and until when he may show it. A challenge that
-- ran out is followed by another issue; giving the element ends the attempt.
create table liveness_challenges (
    application_id opaque_id not null references applications,
    attempt        integer not null check (attempt > 0),
    issue          integer not null check (issue > 0),
    issued_at      timestamptz not null,
    expires_at     timestamptz not null check (expires_at > issued_at),
    recorded_at    timestamptz not null default now(),
    primary key (application_id, attempt, issue)
);
create trigger liveness_challenges_append_only before update or delete on liveness_challenges
    for each row execute function append_only();

-- Until now a challenge held until its attempt, and what had been asked for was not written down: a
-- face that is being verified was asked when it was given.
insert into liveness_challenges (application_id, attempt, issue, issued_at, expires_at)
    select application_id, attempt, 1, submitted_at, submitted_at + interval '10 minutes'
    from elements e where kind = 'liveness'
        and not exists (select from verifications v where v.element_id = e.id);
