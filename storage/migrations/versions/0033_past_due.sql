-- When a loan is past due unless something is paid, and how many days it counts then: lists know
-- by it on every day how late a loan is. They count on from there, a day each day.
alter table loans
    add column past_due_from date,
    add column past_due_days integer,
    add constraint loans_past_due check ((past_due_from is null) = (past_due_days is null));

update loans set (past_due_from, past_due_days) = (
    select due.due_on + counts.first, counts.first + counts.on_due_date
    from (
        select min(due_on) as due_on from instalments
        where loan_id = loans.id and instalments.state not in ('paid', 'written_off')
    ) as due
    cross join lateral (
        select case when grace > 0 then grace + 1 else 1 - given.on_due_date end as first,
               given.on_due_date
        from (
            select coalesce((terms -> 'delinquency' ->> 'grace_days')::integer, 0) as grace,
                   coalesce((terms -> 'delinquency' ->> 'on_due_date')::integer, 0) as on_due_date
        ) as given
    ) as counts
    where due.due_on is not null
)
where state in ('current', 'overdue');

create index loans_past_due_from on loans (past_due_from) where past_due_from is not null;
create index loans_next_due_on on loans (next_due_on) where next_due_on is not null;
