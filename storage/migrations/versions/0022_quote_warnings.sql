-- The soft rate caps that a plan was above when it was quoted. Earlier quotes have none on record.
alter table quotes add column cap_warnings jsonb not null default '[]'
    check (jsonb_typeof(cap_warnings) = 'array');
