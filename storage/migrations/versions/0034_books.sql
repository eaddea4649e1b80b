-- What a loan is lent under, by which its books are summed. It is that of its application.
alter table loans add column product text;
update loans set product = applications.product
    from lines join applications on applications.id = lines.application_id
    where lines.id = loans.line_id;
alter table loans alter column product set not null;

create function place_of_loan() returns trigger language plpgsql as $$
begin
    select lines.lender, lines.branch, lines.channel, applications.product
        into new.lender, new.branch, new.channel, new.product
        from lines join applications on applications.id = lines.application_id
        where lines.id = new.line_id;
    return new;
end $$;
drop trigger loans_tenant on loans;
create trigger loans_tenant before insert on loans
    for each row execute function place_of_loan();

-- Entries that are no single loan's: accrued income, by product and funder, and what people book.
alter table journal disable trigger journal_append_only;
alter table journal
    alter column loan_id drop not null,
    add column product text,
    add column funder text;
update journal set product = loans.product, funder = loans.funder
    from loans where loans.id = journal.loan_id;
alter table journal enable trigger journal_append_only;
alter table journal
    alter column product set not null,
    alter column funder set not null,
    drop constraint journal_kind,
    add constraint journal_kind check (kind in ('disbursement', 'bill', 'repayment', 'payoff',
        'reversal', 'charge', 'waiver', 'rate_change', 'reschedule', 'holiday', 'write_off',
        'charge_off', 'charge_off_undone', 'recovery', 'refund', 'accrual', 'manual')),
    add constraint journal_of_loan check (
        (loan_id is null) = (kind in ('accrual', 'manual')));

create function books_of_loan() returns trigger language plpgsql as $$
begin
    if new.loan_id is not null then
        select lender, branch, product, funder into new.lender, new.branch, new.product, new.funder
            from loans where id = new.loan_id;
    end if;
    return new;
end $$;
drop trigger journal_house on journal;
create trigger journal_house before insert on journal
    for each row execute function books_of_loan();

-- An export by days reads the journal in the order of its days.
create index journal_by_day on journal (business_date, id);

-- Sums of days by product as well. Everything is summed anew by the next maintenance.
delete from daily_balances;
insert into unsummed_journal select id from journal on conflict do nothing;
alter table daily_balances
    drop constraint daily_balances_pkey,
    add column product text not null,
    add primary key (currency, funder, account, product, business_date, recorded_on);
create index daily_balances_by_day on daily_balances (business_date);

-- Income accrued by the end of a day, of all loans of a product and funder: what their own entries
-- do not hold yet. A row of `accrual_days` is worked on until it is posted.
create table accrual_days (
    business_date  date primary key,
    done_to        text not null default '',
    loans          bigint not null default 0,
    refused        text[] not null default '{}',
    posted_at      timestamptz
);
create unique index accrual_days_one_open on accrual_days ((true)) where posted_at is null;

create table accruals (
    business_date  date not null references accrual_days,
    currency       currency_code not null,
    product        text not null,
    funder         text not null,
    account        text not null,
    amount         money_minor not null,
    primary key (business_date, currency, product, funder, account)
);

-- The day to which the books are closed is that of the last row; null: all is open again.
create table book_closings (
    id             bigint generated always as identity primary key,
    closed_to      date,
    reason         text not null check (reason <> ''),
    closed_by      text not null,
    recorded_at    timestamptz not null default now()
);
create trigger book_closings_append_only before update or delete on book_closings
    for each row execute function append_only();
create trigger book_closings_not_emptied before truncate on book_closings
    for each statement execute function append_only();

create function day_is_open() returns trigger language plpgsql as $$
declare
    until date;
begin
    select closed_to into until from book_closings order by id desc limit 1;
    if new.business_date <= until then
        raise exception 'the books are closed to %', until using errcode = 'restrict_violation';
    end if;
    return null;
end $$;
create trigger journal_day_is_open after insert on journal
    for each row execute function day_is_open();

-- What takes two people: an entry by hand, and opening a closed period again.
create table book_requests (
    id             opaque_id primary key,
    kind           text not null check (kind in ('manual_entry', 'reopening')),
    content        jsonb not null,
    reason         text not null check (reason <> ''),
    state          text not null default 'open' check (state in ('open', 'approved', 'rejected')),
    requested_by   text not null,
    requested_at   timestamptz not null default now(),
    decided_by     text,
    decided_at     timestamptz,
    check ((state = 'open') = (decided_by is null)),
    check ((decided_by is null) = (decided_at is null)),
    check (state <> 'approved' or decided_by <> requested_by)
);
create index book_requests_page on book_requests (requested_at desc, id desc);
create unique index book_requests_reversed_once on book_requests ((content ->> 'reverses'))
    where state <> 'rejected';

-- The sums of a day as they were handed to the lender's accounting, with their number for ever.
create table ledger_batches (
    number         bigint primary key check (number > 0),
    business_date  date not null,
    currency       currency_code not null,
    mapping        text not null,
    made_by        text not null,
    made_at        timestamptz not null default now()
);
create index ledger_batches_by_day on ledger_batches (business_date);
create table ledger_batch_lines (
    number         bigint not null references ledger_batches,
    line           integer not null,
    code           text not null,
    account        text not null,
    product        text not null,
    funder         text not null,
    amount         money_minor not null check (amount <> 0),
    primary key (number, line)
);
create trigger ledger_batches_append_only before update or delete on ledger_batches
    for each row execute function append_only();
create trigger ledger_batch_lines_append_only before update or delete on ledger_batch_lines
    for each row execute function append_only();
create trigger ledger_batches_not_emptied before truncate on ledger_batches
    for each statement execute function append_only();
create trigger ledger_batch_lines_not_emptied before truncate on ledger_batch_lines
    for each statement execute function append_only();
