-- Whose money a loan lends: the funder's opaque code, `own` for the lender itself.
alter table loans add column funder text not null default 'own'
    constraint loans_funder_code check (funder ~ '^[a-z0-9_-]{1,32}$');
create index loans_by_funder on loans (funder);

-- The chart of accounts. Cash in transit may name the bank behind a colon.
alter table entries add constraint entries_account_of_chart check (
    account in ('principal_receivable', 'interest_receivable', 'fee_receivable',
        'penalty_receivable', 'cash', 'customer_credit', 'interest_income', 'fee_income',
        'penalty_income', 'funder_payable', 'loss', 'recovery', 'suspense')
    or account ~ '^cash:[a-z0-9_-]{1,32}$');

-- Trial balances at a moment, by either date; the lines of an entry are found by their primary key.
create index journal_by_recorded_at on journal (recorded_at);
create index journal_by_business_date on journal (business_date);
-- Of a currency as a whole, from the index alone; it takes the place of the one by account.
drop index entries_by_account;
create index entries_balance on entries (currency, account) include (amount);
create index journal_page on journal (loan_id, id);

-- A row trigger does not see a table being emptied.
create trigger journal_not_emptied before truncate on journal
    for each statement execute function append_only();
create trigger entries_not_emptied before truncate on entries
    for each statement execute function append_only();
create trigger loan_events_not_emptied before truncate on loan_events
    for each statement execute function append_only();
create trigger audit_not_emptied before truncate on audit
    for each statement execute function append_only();
