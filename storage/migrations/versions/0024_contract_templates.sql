-- The contract template that a drawdown is signed under, by reference (kind, code, version, digest).
-- Contracts of before were written in the words of what is version 1 now.
alter table drawdowns
    add column contract jsonb not null default '{"kind": "contract_template", "code": "loan-contract", "version": 1, "sha256": "5670553a5a123b96742b2dd7bfb2a0c3942d82e831bb3d07a4702829a6d8605c"}';
alter table drawdowns
    alter column contract drop default;
