-- The bank accounts through which a loan's money moves: debits, transfers and payouts apart.
alter table loans add column bank_accounts jsonb;
update loans set bank_accounts = jsonb_build_object('debit', settlement_bank,
    'transfer', settlement_bank, 'payout', settlement_bank) where settlement_bank is not null;
alter table loans drop column settlement_bank;
