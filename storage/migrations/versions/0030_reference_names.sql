-- A version of a definition has one form in every table: its name, `kind/code@version`. Its digest is
-- in `definitions`, whose contents never change.
create function reference_name(ref jsonb) returns text language sql immutable
    return (ref ->> 'kind') || '/' || (ref ->> 'code') || '@' || (ref ->> 'version');

alter table applications
    alter column product_ref type text using reference_name(product_ref),
    alter column element_policies_ref type text using reference_name(element_policies_ref);
alter table drawdowns alter column contract type text using reference_name(contract);
alter table loans
    alter column ladder type text using reference_name(ladder),
    alter column servicing type text using reference_name(servicing);
alter table collection_actions alter column ladder type text using reference_name(ladder);

-- What a decision was made under was stored twice, as a reference and as its name.
update decisions set policy_version = reference_name(policy_ref);
alter table decisions drop column policy_ref;
alter table analysis_reviews alter column policy type text using reference_name(policy);
alter table credit_analyses
    drop constraint credit_analyses_check,
    drop constraint credit_analyses_check1;
alter table credit_analyses
    alter column agreed_policy type text using reference_name(agreed_policy),
    alter column decided_policy type text using reference_name(decided_policy);
update credit_analyses set decided_policy = policy_version where decided_policy is null;
alter table credit_analyses
    add check (split_part(split_part(agreed_policy, '@', 1), '/', 2) = policy),
    drop column policy_version;

drop function reference_name(jsonb);
