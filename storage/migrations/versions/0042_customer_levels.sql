-- The level of a customer by rules: by which version of them it was worked out, when it has to be
-- worked out again, since when it is that (null: not by rules), and until when a person's own counts.
alter table applicants
    add column level_by text not null default '',
    add column level_due_at timestamptz not null default '-infinity',
    add column level_since date,
    add column level_until date;
create index applicants_level_by on applicants (level_by);
create index applicants_level_due on applicants (level_due_at);

-- A loan that is settled, or moves into another bucket, makes the level of its person due.
create function level_is_due() returns trigger language plpgsql as $$
begin
    update applicants set level_due_at = '-infinity' where level_due_at > '-infinity'
        and (id = new.applicant_id or identity_number_idx = (select identity_number_idx
            from applicants where id = new.applicant_id));
    return null;
end $$;
create trigger loans_level_is_due after update of state, bucket on loans
    for each row when (old.state <> new.state or old.bucket <> new.bucket)
    execute function level_is_due();

create table customer_level_changes (
    id           bigint generated always as identity primary key,
    applicant_id opaque_id not null references applicants,
    level        integer not null check (level between 0 and 9),
    labels       text[] not null,
    source       text not null check (source in ('rules', 'person')),
    rule         text,
    definition   text,
    reason       text,
    until        date,
    changed_by   text not null,
    changed_at   timestamptz not null,
    check ((source = 'person') = (reason is not null and until is not null)),
    check ((source = 'rules') = (definition is not null))
);
create index customer_level_changes_of on customer_level_changes (applicant_id, id);
create trigger customer_level_changes_append_only before update or delete on customer_level_changes
    for each row execute function append_only();
create trigger customer_level_changes_no_truncate before truncate on customer_level_changes
    for each statement execute function append_only();
