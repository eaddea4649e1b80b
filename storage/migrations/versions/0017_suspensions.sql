-- What one person switches off at once, on running processes too, until somebody lifts it. The name
-- is that of a definition or, for a channel or a funder, the one that records carry.
create table suspensions (
    id           bigint generated always as identity primary key,
    kind         text not null
        check (kind in ('funder', 'product', 'channel', 'source', 'strategy')),
    code         text not null check (code ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    reason       text not null check (reason <> ''),
    suspended_by text not null,
    suspended_at timestamptz not null default now(),
    lift_reason  text,
    lifted_by    text,
    lifted_at    timestamptz,
    check (num_nulls(lift_reason, lifted_by, lifted_at) in (0, 3))
);
create unique index suspensions_open on suspensions (kind, code) where lifted_at is null;

create function keep_suspension() returns trigger language plpgsql as $$
begin
    if old.lifted_at is not null
       or (new.id, new.kind, new.code, new.reason, new.suspended_by, new.suspended_at)
          is distinct from
          (old.id, old.kind, old.code, old.reason, old.suspended_by, old.suspended_at)
    then
        raise exception 'a suspension can only be lifted, once';
    end if;
    return new;
end $$;
create trigger suspensions_keep before update on suspensions
    for each row execute function keep_suspension();
create trigger suspensions_no_delete before delete on suspensions
    for each row execute function append_only();
create trigger suspensions_no_truncate before truncate on suspensions
    for each statement execute function append_only();
