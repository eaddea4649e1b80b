-- The policy that an analysis was given when its proposal came in, and the one that its decision
-- really used: references {"kind", "code", "version", "sha256"}. Analyses of before policies were
-- definitions went by what is shipped as version 1; nobody took its digest.
alter table credit_analyses add column agreed_policy jsonb, add column decided_policy jsonb;
update credit_analyses set agreed_policy = jsonb_build_object(
    'kind', 'credit_analysis_policy', 'code', policy, 'version', 1, 'sha256', '');
alter table credit_analyses
    alter column agreed_policy set not null,
    add check (agreed_policy ->> 'code' = policy),
    add check ((decided_policy is null) or policy_version is not null);

-- What an analyst decided, once an analysis. What came too late is in the audit only.
create table analysis_reviews (
    analysis_id    opaque_id primary key references credit_analyses,
    word           text not null check (word in ('approve', 'reprove', 'challenge')),
    reviewer       text not null,
    reason         text not null,
    policy         jsonb not null,
    reviewed_at    timestamptz not null,
    recorded_at    timestamptz not null default now()
);
create trigger analysis_reviews_append_only before update or delete on analysis_reviews
    for each row execute function append_only();
create trigger analysis_reviews_not_emptied before truncate on analysis_reviews
    for each statement execute function append_only();
