-- Of which open rows it was made sure that their process is there: each once, by maintenance.
create table process_checks (
    workflow_id text primary key,
    checked_at  timestamptz not null default now()
);
create index process_checks_by_age on process_checks (checked_at);
