-- A release that has not come into force yet can be taken back: a row of its own says which one.
alter table definition_releases drop constraint definition_releases_action_check;
alter table definition_releases add constraint definition_releases_action_check
    check (action in ('release', 'rollback', 'withdraw'));
alter table definition_releases add column undoes bigint unique references definition_releases;
alter table definition_releases add constraint definition_releases_undoes_check
    check ((action = 'withdraw') = (undoes is not null));

-- What was drafted stays: a version that is not wanted is retired.
create trigger definitions_no_delete before delete on definitions
    for each row execute function append_only();
