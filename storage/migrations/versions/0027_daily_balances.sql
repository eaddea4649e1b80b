-- The ledger summed by day, so that a trial balance does not read every line: one row for each
-- account of a funder with entries of one business date, posted on one UTC day.
create table daily_balances (
    currency       currency_code not null,
    funder         text not null,
    account        text not null,
    business_date  date not null,
    recorded_on    date not null,
    amount         money_minor not null,
    primary key (currency, funder, account, business_date, recorded_on)
);

-- Entries that `daily_balances` does not hold yet, each written with its entry and deleted with its
-- addition to the sums. So the sums and the lines of these entries are the ledger at any moment, and
-- whoever posts waits for nobody. Without a foreign key, which would be checked with each entry:
-- entries are never deleted.
create table unsummed_journal (
    journal_id     bigint primary key
);
insert into unsummed_journal select id from journal;

-- Debits are positive, credits negative. The lines of an entry come in one statement, of which the
-- first line is part: the entry is checked as a whole, and nothing is added to it later.
create function entry_is_whole() returns trigger language plpgsql as $$
declare
    wrong bigint;
    is_new boolean;
begin
    select journal_id, min(line) = 1 into wrong, is_new from posted group by journal_id
        having sum(amount) <> 0 or min(currency) <> max(currency) or min(line) <> 1 limit 1;
    if found and is_new then
        raise exception 'journal entry % does not balance in one currency', wrong
            using errcode = 'check_violation';
    elsif found then
        raise exception 'journal entry % is posted without its first line, or before', wrong
            using errcode = 'restrict_violation';
    end if;
    insert into unsummed_journal select journal_id from posted where line = 1;
    return null;
end $$;
drop trigger entries_balance on entries;
drop function journal_balances;
create trigger entries_are_whole after insert on entries
    referencing new table as posted for each statement execute function entry_is_whole();

create function entry_has_lines() returns trigger language plpgsql as $$
begin
    if not exists (select from entries where journal_id = new.id) then
        raise exception 'journal entry % has no lines', new.id using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger journal_has_lines after insert on journal
    deferrable initially deferred for each row execute function entry_has_lines();

-- Sums are kept by funder: a loan that another funder takes over needs entries that say so.
create function funder_stays() returns trigger language plpgsql as $$
begin
    raise exception 'the funder of a loan with entries does not change'
        using errcode = 'restrict_violation';
end $$;
create trigger loans_funder_stays before update of funder on loans
    for each row when (old.funder <> new.funder) execute function funder_stays();

-- They served trial balances of single lines; a loan's entries are found by `journal_of`.
drop index entries_balance;
drop index journal_by_business_date;
drop index journal_page;
drop index loans_by_funder;
