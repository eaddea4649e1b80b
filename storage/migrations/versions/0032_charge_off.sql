-- Loans that are charged off, income that is accrued, fees that are released over the plan.
alter table journal drop constraint journal_kind;
alter table journal add constraint journal_kind check (kind in ('disbursement', 'bill',
    'repayment', 'payoff', 'reversal', 'charge', 'waiver', 'rate_change', 'reschedule', 'holiday',
    'write_off', 'charge_off', 'charge_off_undone', 'recovery', 'refund'));

alter table entries drop constraint entries_account_of_chart;
alter table entries add constraint entries_account_of_chart check (
    account in ('principal_receivable', 'interest_receivable', 'fee_receivable',
        'penalty_receivable', 'cash', 'customer_credit', 'interest_income', 'fee_income',
        'penalty_income', 'funder_payable', 'loss', 'recovery', 'suspense', 'interest_accrued',
        'interest_deferred', 'fee_deferred', 'principal_charged_off', 'charge_off_loss',
        'fraud_loss', 'interest_suspended', 'fee_suspended', 'penalty_suspended')
    or account ~ '^cash:[a-z0-9_-]{1,32}$');

-- The day on which an event entered the books: its own, or later when it was backdated.
alter table loan_events add column booked_on date;
alter table loan_events disable trigger loan_events_append_only;
update loan_events set booked_on = greatest(loan_events.business_date,
    (select journal.business_date from journal where entry_key = event_key));
alter table loan_events enable trigger loan_events_append_only;
alter table loan_events alter column booked_on set not null,
    add constraint loan_events_booked_on check (booked_on >= business_date);
