-- Tenants: whose each aggregate is. A lender has branches, and channels through which customers
-- come. There is one lender today; row policies that filter by these columns come later.
--
-- A row takes its tenant from what it belongs to, when it is inserted and whoever inserts it.

create domain tenant_code as text check (value ~ '^[a-z][a-z0-9_-]{0,39}$');

alter table staff
    add column lender tenant_code not null default 'own',
    add column branch tenant_code not null default 'main';

alter table applicants
    add column lender tenant_code not null default 'own',
    add column branch tenant_code not null default 'main';

create function tenant_of_applicant() returns trigger language plpgsql as $$
begin
    select lender, branch into new.lender, new.branch
        from applicants where id = new.applicant_id;
    return new;
end $$;

create function tenant_of_application() returns trigger language plpgsql as $$
begin
    select lender, branch, channel into new.lender, new.branch, new.channel
        from applications where id = new.application_id;
    return new;
end $$;

create function tenant_of_line() returns trigger language plpgsql as $$
begin
    select lender, branch, channel into new.lender, new.branch, new.channel
        from lines where id = new.line_id;
    return new;
end $$;

create function tenant_of_loan() returns trigger language plpgsql as $$
begin
    select lender, branch, channel into new.lender, new.branch, new.channel
        from loans where id = new.loan_id;
    return new;
end $$;

-- What staff alone reads of a loan, by lender and branch.
create function house_of_loan() returns trigger language plpgsql as $$
begin
    select lender, branch into new.lender, new.branch from loans where id = new.loan_id;
    return new;
end $$;

alter table applications
    add column lender tenant_code not null default 'own',
    add column branch tenant_code not null default 'main';
create trigger applications_tenant before insert on applications
    for each row execute function tenant_of_applicant();

alter table review_tasks
    add column lender tenant_code not null default 'own',
    add column branch tenant_code not null default 'main',
    add column channel text;
update review_tasks set channel = applications.channel
    from applications where applications.id = review_tasks.application_id;
alter table review_tasks alter column channel set not null;
create trigger review_tasks_tenant before insert on review_tasks
    for each row execute function tenant_of_application();

alter table offers
    add column lender tenant_code not null default 'own',
    add column branch tenant_code not null default 'main',
    add column channel text;
update offers set channel = applications.channel
    from applications where applications.id = offers.application_id;
alter table offers alter column channel set not null;
create trigger offers_tenant before insert on offers
    for each row execute function tenant_of_application();

alter table lines
    add column lender tenant_code not null default 'own',
    add column branch tenant_code not null default 'main',
    add column channel text;
update lines set channel = applications.channel
    from applications where applications.id = lines.application_id;
alter table lines alter column channel set not null;
create trigger lines_tenant before insert on lines
    for each row execute function tenant_of_application();

alter table quotes
    add column lender tenant_code not null default 'own',
    add column branch tenant_code not null default 'main',
    add column channel text;
update quotes set channel = lines.channel from lines where lines.id = quotes.line_id;
alter table quotes alter column channel set not null;
create trigger quotes_tenant before insert on quotes
    for each row execute function tenant_of_line();

alter table drawdowns
    add column lender tenant_code not null default 'own',
    add column branch tenant_code not null default 'main',
    add column channel text;
update drawdowns set channel = lines.channel from lines where lines.id = drawdowns.line_id;
alter table drawdowns alter column channel set not null;
create trigger drawdowns_tenant before insert on drawdowns
    for each row execute function tenant_of_line();

alter table loans
    add column lender tenant_code not null default 'own',
    add column branch tenant_code not null default 'main',
    add column channel text;
update loans set channel = lines.channel from lines where lines.id = loans.line_id;
alter table loans alter column channel set not null;
create trigger loans_tenant before insert on loans
    for each row execute function tenant_of_line();

alter table repayments
    add column lender tenant_code not null default 'own',
    add column branch tenant_code not null default 'main',
    add column channel text;
update repayments set channel = loans.channel from loans where loans.id = repayments.loan_id;
alter table repayments alter column channel set not null;
create trigger repayments_tenant before insert on repayments
    for each row execute function tenant_of_loan();

-- Its `channel` is how a borrower is reached; partners read neither it nor the journal.
alter table collection_actions
    add column lender tenant_code not null default 'own',
    add column branch tenant_code not null default 'main';
create trigger collection_actions_house before insert on collection_actions
    for each row execute function house_of_loan();

-- Append-only: it could not be told afterwards whose an entry is.
alter table journal
    add column lender tenant_code not null default 'own',
    add column branch tenant_code not null default 'main';
create trigger journal_house before insert on journal
    for each row execute function house_of_loan();

-- Its channel is the client.
alter table credit_analyses
    add column lender tenant_code not null default 'own',
    add column branch tenant_code not null default 'main',
    add column channel text generated always as (client) stored;

-- The loans of a channel were looked for by their applicants.
create index loans_by_channel on loans (channel, recorded_at desc, id desc);
