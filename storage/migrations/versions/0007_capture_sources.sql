-- The source at which a capture was begun: no other one can go on with it.
alter table captures add column source text check (source ~ '^[a-z][a-z0-9_]{0,39}$');

-- Until now every kind had one source, of its own name.
update captures c set source = e.kind from elements e
    where e.id = c.element_id and c.reference is not null;
