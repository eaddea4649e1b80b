-- How often a request was refused for a reason that passes, such as a repayment on its way: each
-- attempt is another update of the process.
alter table api_requests add column attempt integer not null default 0;

-- The list of repayments, the newest first; what is still with the bank is short at any time.
create index repayments_page on repayments (requested_at desc, id desc);
create index repayments_in_flight on repayments (requested_at desc, id desc)
    where state = 'processing';

-- Reasons are kept as the sources give them.
alter table element_endings drop constraint element_endings_reason_check;
alter table element_endings add check (length(reason) between 1 and 64);
