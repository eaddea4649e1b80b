-- The versions of holiday calendars that all running loans were brought up to, and when last.
create table calendars_applied (
    calendar       text primary key,
    applied_at     timestamptz not null default now()
);
