-- An element that ended without a verdict: nobody could be asked about it, or whoever was could not
-- say. It may be provided again.
create table element_endings (
    element_id     opaque_id primary key references elements,
    reason         text not null check (reason ~ '^[a-z][a-z0-9_]{0,63}$'),
    ended_at       timestamptz not null,
    recorded_at    timestamptz not null default now()
);
