alter table elements drop constraint elements_kind_check;
alter table elements add constraint elements_kind_check check (kind in (
    'real_name', 'operator', 'personal_information', 'identity_card', 'liveness', 'bank_card',
    'operator_report', 'credit_card', 'online_banking', 'ecommerce', 'company', 'guarantor',
    'card_transaction', 'bank_flows', 'bureau_report'));
