-- What a borrower agreed to beside the plan: the all-in cost sheet that he was shown.
alter table quotes add column cost_sheet jsonb;
alter table quotes add column cost_sheet_hash char(64);

-- A loan that was given up stays collectable; the bank whose cash in transit its money passes.
alter table loans drop constraint loans_state_check;
alter table loans add constraint loans_state_check
    check (state in ('current', 'overdue', 'settled', 'written_off'));
alter table loans add column settlement_bank text
    constraint loans_settlement_bank check (settlement_bank ~ '^[a-z0-9_-]{1,32}$');
alter table loans add column episode integer not null default 0;

-- A reversal may bring back principal whose room on the line was drawn again meanwhile: what a
-- line may lend is decided where it is reserved.
alter table lines drop constraint lines_check;
alter table lines add constraint lines_reserved_within_limit check (reserved <= credit_limit);

-- Everything that an instalment consists of; 0 is a down payment.
alter table instalments drop constraint instalments_number_check;
alter table instalments add constraint instalments_number_check check (number >= 0);
alter table instalments drop constraint instalments_state_check;
alter table instalments add constraint instalments_state_check
    check (state in ('upcoming', 'due', 'overdue', 'paid', 'written_off'));
alter table instalments
    add column fee money_minor not null default 0,
    add column paid_fee money_minor not null default 0,
    add column waived_principal money_minor not null default 0,
    add column waived_fee money_minor not null default 0,
    add column waived_penalty money_minor not null default 0,
    add column written_off money_minor not null default 0;

alter table journal add constraint journal_kind check (kind in ('disbursement', 'bill',
    'repayment', 'payoff', 'reversal', 'charge', 'waiver', 'rate_change', 'reschedule', 'holiday',
    'write_off', 'recovery', 'refund'));
