-- The lender's own lists, and exemptions of customers from rules. One person proposes a change,
-- another confirms it; entries, removals and exemptions are never changed, and count as their change
-- says.
create table list_changes (
    id          opaque_id primary key,
    action      text not null check (action in ('add', 'remove', 'exempt', 'end_exemption')),
    list        text check (list in ('black', 'grey', 'white')),
    reason      text not null,
    entries     integer not null check (entries > 0),
    state       text not null default 'open' check (state in ('open', 'confirmed', 'refused')),
    proposed_by text not null,
    proposed_at timestamptz not null default now(),
    decided_by  text,
    decided_at  timestamptz,
    check ((list is not null) = (action in ('add', 'remove'))),
    check ((state = 'open') = (decided_by is null)),
    check ((state = 'open') = (decided_at is null)),
    check (state <> 'confirmed' or decided_by <> proposed_by)
);
create index list_changes_page on list_changes (proposed_at desc, id desc);

create function keep_list_change() returns trigger language plpgsql as $$
begin
    if old.state <> 'open'
       or (new.id, new.action, new.list, new.reason, new.entries, new.proposed_by, new.proposed_at)
          is distinct from
          (old.id, old.action, old.list, old.reason, old.entries, old.proposed_by, old.proposed_at)
    then
        raise exception 'a change of lists can only be decided, once';
    end if;
    return new;
end $$;
create trigger list_changes_keep before update on list_changes
    for each row execute function keep_list_change();
create trigger list_changes_no_delete before delete on list_changes
    for each row execute function append_only();
create trigger list_changes_no_truncate before truncate on list_changes
    for each statement execute function append_only();

create table list_entries (
    id         opaque_id primary key,
    change_id  opaque_id not null references list_changes,
    list       text not null check (list in ('black', 'grey', 'white')),
    key_kind   text not null
        check (key_kind in ('identity_number', 'mobile', 'bank_card', 'device', 'ip')),
    key_idx    bytea not null,
    key_enc    bytea not null,
    reason     text not null,
    source     text not null,
    expires_on date,
    added_at   timestamptz not null default now(),
    unique (change_id, key_idx)
);
create index list_entries_of on list_entries (key_idx);
create index list_entries_page on list_entries (list, added_at desc, id desc);

create table list_removals (
    change_id opaque_id not null references list_changes,
    entry_id  opaque_id not null references list_entries,
    primary key (entry_id, change_id)
);

create table exemptions (
    change_id    opaque_id primary key references list_changes,
    applicant_id opaque_id not null references applicants,
    rule         text not null,
    first_day    date not null,
    last_day     date not null,
    check (first_day <= last_day)
);
create index exemptions_of on exemptions (applicant_id);

create table exemption_ends (
    change_id    opaque_id primary key references list_changes,
    exemption_id opaque_id not null references exemptions
);
create index exemption_ends_of on exemption_ends (exemption_id);

create trigger list_entries_append_only before update or delete on list_entries
    for each row execute function append_only();
create trigger list_entries_no_truncate before truncate on list_entries
    for each statement execute function append_only();
create trigger list_removals_append_only before update or delete on list_removals
    for each row execute function append_only();
create trigger list_removals_no_truncate before truncate on list_removals
    for each statement execute function append_only();
create trigger exemptions_append_only before update or delete on exemptions
    for each row execute function append_only();
create trigger exemptions_no_truncate before truncate on exemptions
    for each statement execute function append_only();
create trigger exemption_ends_append_only before update or delete on exemption_ends
    for each row execute function append_only();
create trigger exemption_ends_no_truncate before truncate on exemption_ends
    for each statement execute function append_only();
