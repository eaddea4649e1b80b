-- What a loan was agreed under: its zone, its collections ladder and its servicing policy, each by
-- reference (kind, code, version, digest). Loans of before were serviced by what is version 1 now.
alter table loans
    add column zone text not null default 'Asia/Shanghai',
    add column ladder jsonb not null default '{"kind": "collections_ladder", "code": "standard", "version": 1, "sha256": "bab9e0e028724d08535c4f884c6868712625e8902540a1811e3bdb1a75c89b95"}',
    add column servicing jsonb not null default '{"kind": "servicing_policy", "code": "standard", "version": 1, "sha256": "ef786b1855af892ecb0a04039c33f501f7c0fbc859cd0f90eeb1c648d53faa18"}';
alter table loans
    alter column zone drop default,
    alter column ladder drop default,
    alter column servicing drop default;

alter table collection_actions
    add column ladder jsonb not null default '{"kind": "collections_ladder", "code": "standard", "version": 1, "sha256": "bab9e0e028724d08535c4f884c6868712625e8902540a1811e3bdb1a75c89b95"}';
alter table collection_actions
    alter column ladder drop default;
