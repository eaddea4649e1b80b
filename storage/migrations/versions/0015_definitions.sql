-- What the business changes without a deployment: documents in numbered versions, and when which of
-- them came into force. Content is the canonical JSON that the digest is made of.
create table definitions (
    kind        text not null check (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
    code        text not null check (code ~ '^[a-z][a-z0-9_-]{0,63}$'),
    version     integer not null check (version >= 1),
    content     text not null,
    sha256      text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    state       text not null check (state in ('draft', 'checked', 'released', 'retired')),
    note        text not null,
    drafted_by  text not null,
    drafted_at  timestamptz not null default now(),
    checked_by  text,
    checked_at  timestamptz,
    primary key (kind, code, version)
);

create table definition_releases (
    id             bigint generated always as identity primary key,
    kind           text not null,
    code           text not null,
    version        integer not null,
    action         text not null check (action in ('release', 'rollback')),
    effective_from timestamptz not null,
    reason         text not null,
    released_by    text not null,
    recorded_at    timestamptz not null default now(),
    foreign key (kind, code, version) references definitions
);
create index definition_releases_by_code on definition_releases (kind, code, effective_from);

create function keep_definition_content() returns trigger language plpgsql as $$
begin
    if (new.kind, new.code, new.version, new.content, new.sha256, new.drafted_by, new.drafted_at)
       is distinct from
       (old.kind, old.code, old.version, old.content, old.sha256, old.drafted_by, old.drafted_at)
    then
        raise exception 'a version of a definition never changes: draft the next one';
    end if;
    return new;
end $$;
create trigger definitions_keep_content before update on definitions
    for each row execute function keep_definition_content();
create trigger definition_releases_append_only before update or delete on definition_releases
    for each row execute function append_only();
create trigger definition_releases_no_truncate before truncate on definition_releases
    for each statement execute function append_only();
create trigger definitions_no_truncate before truncate on definitions
    for each statement execute function append_only();
