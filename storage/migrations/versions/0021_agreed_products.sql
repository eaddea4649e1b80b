-- What was agreed, by reference (kind, code, version, digest): the product of an application with its
-- element policies, and the policy of a decision. What was before was agreed under the constants that
-- are version 1 now; their digest was not kept.
alter table applications
    add column product_ref jsonb,
    add column element_policies_ref jsonb;
update applications set
    product_ref = jsonb_build_object(
        'kind', 'product', 'code', product, 'version', 1, 'sha256', ''),
    element_policies_ref = jsonb_build_object(
        'kind', 'element_policies', 'version', 1, 'sha256', '',
        'code', case product when 'revolving' then 'revolving' else 'standard' end);
alter table applications
    alter column product_ref set not null,
    alter column element_policies_ref set not null;

alter table decisions add column policy_ref jsonb;
update decisions set policy_ref = jsonb_build_object(
    'kind', 'decision_policy', 'code', 'cash', 'version', 1, 'sha256', '');
alter table decisions alter column policy_ref set not null;
