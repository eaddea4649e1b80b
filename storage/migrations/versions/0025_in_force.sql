-- What was done names the version of what was in force then, as `kind/code@version`; rows of before
-- name none.
alter table quotes add column rate_caps text check (rate_caps ~ '^rate_caps/.+@[0-9]+$');

alter table consents add column definition text
    check (definition ~ '^consent_text/.+@[0-9]+$');
