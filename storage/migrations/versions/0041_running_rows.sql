-- What runs is read in pages by its id, however much has ended (storage/processes.py).
create index applications_running on applications (id)
    where state in ('collecting', 'deciding', 'in_review', 'offered');
create index lines_running on lines (id) where state in ('active', 'frozen');
create index drawdowns_running on drawdowns (id) where state in ('reserved', 'signed', 'disbursing');
create index loans_running on loans (id) where state <> 'settled';
create index loans_in_collections on loans (id) where state = 'overdue' and episode > 0;
create index repayments_running on repayments (id)
    where state = 'processing' and source <> 'auto_debit';
create index credit_analyses_starting on credit_analyses (id) where state_seq = 0;

-- Running loans of a holiday calendar whose due dates move with it (storage/loans/calendars.py).
create index loans_on_calendar on loans (lower(terms ->> 'calendar'), id)
    where state in ('current', 'overdue') and terms ->> 'business_day_rule' <> 'none';
