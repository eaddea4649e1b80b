-- The staff directory. A person is an opaque id; the handle is a short login that is never given to
-- another person. What was changed by whom is in audit, under `staff:{id}`.

create table staff (
    id         opaque_id primary key,
    handle     text not null unique check (handle ~ '^[a-z][a-z0-9-]{1,31}$'),
    name_enc   bytea not null,
    state      text not null default 'active' check (state in ('active', 'left')),
    created_at timestamptz not null default now(),
    left_at    timestamptz,
    check ((state = 'left') = (left_at is not null))
);

-- The roles held now.
create table staff_roles (
    person_id  opaque_id not null references staff,
    role       text not null check (role in ('reviewer', 'collector', 'analyst', 'ops')),
    given_by   text not null,
    given_at   timestamptz not null default now(),
    primary key (person_id, role)
);

create table teams (
    code       text primary key check (code ~ '^[a-z][a-z0-9_-]{0,39}$'),
    name       text not null check (length(name) between 1 and 100),
    created_at timestamptz not null default now()
);

create table team_members (
    team       text not null references teams,
    person_id  opaque_id not null references staff,
    primary key (team, person_id)
);
create index team_members_of on team_members (person_id);

create table staff_skills (
    person_id  opaque_id not null references staff,
    skill      text not null check (skill ~ '^[a-z][a-z0-9_]{0,39}$'),
    primary key (person_id, skill)
);

-- Who acts in a person's roles, both days included.
create table deputies (
    id           opaque_id primary key,
    person_id    opaque_id not null references staff,
    deputy_id    opaque_id not null references staff,
    first_day    date not null,
    last_day     date not null,
    named_by     text not null,
    named_at     timestamptz not null default now(),
    withdrawn_at timestamptz,
    check (first_day <= last_day),
    check (person_id <> deputy_id)
);
create index deputies_of on deputies (person_id);
create index deputies_for on deputies (deputy_id);
