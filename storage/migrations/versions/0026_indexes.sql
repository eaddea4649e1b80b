-- A loan's repayments were found by reading all of them.
create index repayments_by_loan on repayments (loan_id);

-- Lists by state and by channel, the newest first. What is looked for by its state is rare among
-- what has ended: without these, a list read everything that is newer.
create index applications_by_state on applications (state, created_at desc, id desc);
create index applications_by_channel on applications (channel, created_at desc, id desc);
create index loans_by_state on loans (state, recorded_at desc, id desc);

-- Nothing is looked for by these.
drop index devices_by_device;
drop index enquiries_of_applicant;
