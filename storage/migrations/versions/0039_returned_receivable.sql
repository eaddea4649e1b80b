-- Money that came back after it was accounted for and is owed again: an asset, no negative credit.
alter table entries drop constraint entries_account_of_chart;
alter table entries add constraint entries_account_of_chart check (
    account in ('principal_receivable', 'interest_receivable', 'fee_receivable',
        'penalty_receivable', 'returned_receivable', 'cash', 'customer_credit', 'interest_income',
        'fee_income', 'penalty_income', 'funder_payable', 'loss', 'recovery', 'suspense',
        'interest_accrued', 'interest_deferred', 'fee_deferred', 'principal_charged_off',
        'charge_off_loss', 'fraud_loss', 'interest_suspended', 'fee_suspended',
        'penalty_suspended')
    or account ~ '^cash:[a-z0-9_-]{1,32}$');
